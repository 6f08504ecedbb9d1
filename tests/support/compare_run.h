// Outputs and states of a compiled function as a whole against the reference, where errors add up from op to op.
#pragma once

#include "ir/evaluate.h"
#include "ir/graph.h"
#include "tests/support/program_run.h"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::test {

// One entry an output or state that is further from the reference, in L2 norm, than 1e-4 of its norm and 30 times what
// rounding every value of the reference to f32 costs; a millionth of the largest norm is free, since terms can cancel.
// `run` is what the compiled form of `meant` gave for `start`; states that only one of them has are left out.
std::vector<std::string> compare_run(const ir::Function& meant, const ir::Environment& start,
                                     const kiln_program& program, const kiln_function& compiled, const ProgramRun& run);

// The first element of an f32 output.
double output_value(const kiln_function& compiled, const ProgramRun& run, std::string_view name);
// Puts the states that a run left behind where the next one starts.
void keep_states(const kiln_program& program, const ProgramRun& run, ir::Environment& environment);

} // namespace kiln::test
