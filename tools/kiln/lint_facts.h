// What lint wants to know of the training data.
#pragma once

#include "frontend/lint/lint.h"
#include "options.h"
#include "runtime/data_source.h"

#include <vector>

namespace kiln::tools {

// Labels of all samples, and the colours of a few hundred images, evenly spread; those that cannot be read are left
// out, since whoever uses them says so.
frontend::LintFacts measure_lint_facts(const runtime::DataSource& train);

// Of a checked experiment; null: nothing is known of its data.
std::vector<frontend::LintFinding> lint_experiment(const frontend::LoadedExperiment& loaded,
                                                   const runtime::DataSource* train);

} // namespace kiln::tools
