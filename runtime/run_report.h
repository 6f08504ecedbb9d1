// What a finished run or evaluation comes to, in words and as a line of JSON: for `kiln train`, `kiln test` and native
// trainers alike.
#pragma once

#include "runtime/evaluate.h"
#include "runtime/train_loop.h"

#include <optional>
#include <string>
#include <string_view>

namespace kiln::runtime {

// All of these end their last line.
std::string training_text(const TrainResult& result, const TrainOptions& run);
std::string training_json(const TrainResult& result, const TrainOptions& run, std::optional<double> compile_seconds);
std::string evaluation_text(const Evaluation& result, const BadRecords& bad_records, const kiln_program& program);
std::string evaluation_json(const Evaluation& result, const BadRecords& bad_records, const kiln_program& program,
                            std::string_view weights);

} // namespace kiln::runtime
