// Runs the rules that the experiment does not silence, and puts what they found into words.
#include "frontend/lint/lint.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "frontend/lint/subject.h"

namespace kiln::frontend {
namespace {

constexpr LintRule kRules[] = {
#define LINT_RULE(function, id, severity, reason) {id, LintSeverity::severity, reason},
#include "frontend/lint/rules.def"
#undef LINT_RULE
};

constexpr void (*kFunctions[])(LintSubject&) = {
#define LINT_RULE(function, id, severity, reason) function,
#include "frontend/lint/rules.def"
#undef LINT_RULE
};

const char* name_of(LintSeverity severity) {
  switch (severity) {
  case LintSeverity::note:
    return "note";
  case LintSeverity::warning:
    return "warning";
  case LintSeverity::error:
    return "error";
  }
  return "";
}

} // namespace

std::span<const LintRule> lint_rules() { return kRules; }

std::vector<LintFinding> lint(const LoadedExperiment& loaded, const ir::Module& evaluate, const LintFacts& facts) {
  LintSubject subject(loaded, evaluate, facts);
  const auto& silenced = loaded.experiment.lint().silence();
  for (size_t i = 0; i < std::size(kRules); ++i) {
    if (std::find(silenced.begin(), silenced.end(), kRules[i].id) != silenced.end()) continue;
    subject.begin(kRules[i]);
    kFunctions[i](subject);
  }
  std::vector<LintFinding> findings;
  for (LintFinding& finding : subject.take()) {
    const auto same = std::find_if(findings.begin(), findings.end(), [&](const LintFinding& known) {
      return known.rule == finding.rule && known.message == finding.message && known.layer_kind == finding.layer_kind &&
             std::pair(known.place.line, known.place.column) == std::pair(finding.place.line, finding.place.column);
    });
    if (same != findings.end() && !finding.layer.empty())
      same->further_layers.push_back(finding.layer);
    else
      findings.push_back(std::move(finding));
  }
  std::stable_sort(findings.begin(), findings.end(), [](const LintFinding& a, const LintFinding& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  return findings;
}

std::string to_string(const LintFinding& finding, LintSeverity most) {
  std::string text = finding.place.file;
  if (finding.place.line > 0) text += fmt::format(":{}:{}", finding.place.line, finding.place.column);
  text += fmt::format(": {}: ", name_of(std::min(finding.rule->severity, most)));
  if (!finding.layer.empty()) {
    text += fmt::format("layer \"{}\" ({})", finding.layer, finding.layer_kind);
    if (!finding.further_layers.empty())
      text += fmt::format(" and {} more of its block", finding.further_layers.size());
    text += ": ";
  }
  text += fmt::format("{} [{}]", finding.message, finding.rule->id);
  if (!finding.fix.empty()) text += "\n  fix: " + finding.fix;
  return text;
}

std::string lint_json(const std::vector<LintFinding>& findings) {
  nlohmann::json list = nlohmann::json::array();
  for (const LintFinding& finding : findings)
    list.push_back({{"rule", finding.rule->id},
                    {"severity", name_of(finding.rule->severity)},
                    {"reason", finding.rule->reason},
                    {"file", finding.place.file},
                    {"line", finding.place.line},
                    {"column", finding.place.column},
                    {"layer", finding.layer},
                    {"layer_kind", finding.layer_kind},
                    {"further_layers", finding.further_layers},
                    {"message", finding.message},
                    {"fix", finding.fix}});
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace kiln::frontend
