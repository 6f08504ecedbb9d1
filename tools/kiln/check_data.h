// kiln check: labels; with --data reads every sample, and shows what is wrong with which.
#pragma once

#include "frontend/load_experiment.h"
#include "options.h"
#include "runtime/scan_data.h"

#include <nlohmann/json.hpp>

namespace kiln::tools {

// With a progress bar on stderr. Of 0 classes: labels are not looked at.
runtime::DataScan check_data(const frontend::LoadedExperiment& loaded, const runtime::LabelRange& labels,
                             const Options& options);
// Labels alone, without a look at images. As report_diagnostics() with errors.
void check_labels(const frontend::LoadedExperiment& loaded, const runtime::LabelRange& labels, const Options& options);

// Some findings of each kind and the number of the others; the classes' counts.
void print_scan(const runtime::DataScan& scan, const std::vector<std::string>& class_names);
nlohmann::json to_json(const runtime::DataScan& scan); // all findings

} // namespace kiln::tools
