// report.html of a run: one page that needs nothing beside it and says nothing that depends on the clock.
#pragma once

#include "runtime/run_history.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::runtime {

struct ReportFacts {
  std::string network;
  std::string evaluated; // the split that test_loss and test_accuracy are of: "test", "validation"
  std::vector<std::pair<std::string, std::string>> lines; // what else stands above the figures
};

std::string html_report(const ReportFacts& facts, const RunHistory& history);

} // namespace kiln::runtime
