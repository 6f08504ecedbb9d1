// A seed's networks through every check, each in a process of its own; what fails is shrunk.
#include "tests/support/random_check.h"

#include "runtime/cpu.h"
#include "tests/support/in_child.h"
#include "tests/support/network_check.h"
#include "tests/support/random_network.h"
#include "tests/support/shrink.h"

#include <fmt/format.h>

namespace kiln::test {

namespace {

constexpr int kSeconds = 120; // far more than any network takes

std::vector<NetworkFinding> check(const std::string& text, const NetworkCheckOptions& options) {
  return in_child([&] { return check_network(text, options); }, kSeconds);
}

std::string describe_findings(const std::vector<NetworkFinding>& findings) {
  std::string text;
  for (const NetworkFinding& finding : findings) text += fmt::format("  {}: {}\n", finding.kind, finding.text);
  return text;
}

bool has_kind(const std::vector<NetworkFinding>& findings, const std::string& kind) {
  for (const NetworkFinding& finding : findings)
    if (finding.kind == kind) return true;
  return false;
}

// The network's text, with what is wrong as it stands and shrunk; empty if nothing is.
std::string check_and_shrink(const std::string& text, const NetworkCheckOptions& options) {
  const auto findings = check(text, options);
  if (findings.empty()) return "";
  const std::string& kind = findings.front().kind;
  const std::string small =
      shrink(text, [&](const std::string& candidate) { return has_kind(check(candidate, options), kind); });
  return fmt::format("{}shrunk{}, it fails by\n{}in\n{}\n", describe_findings(findings),
                     options.known_weights ? ", with known weights" : "", describe_findings(check(small, options)),
                     small);
}

} // namespace

std::string check_random_network(uint64_t seed, ir::IsaLevel level) {
  const RandomNetwork network = random_network(seed);
  std::string report = check_and_shrink(network.training, {level, false});
  report += check_and_shrink(network.inference, {level, seed % 2 == 0});
  if (report.empty()) return "";
  return fmt::format("seed {} at {} fails:\n{}replay: tests/random_networks --seeds {} --level {}\n", seed,
                     ir::name_of(level), report, seed, ir::name_of(level));
}

std::string check_network_text(const std::string& text, ir::IsaLevel level) {
  const bool trains = text.find("func @train_step") != std::string::npos;
  std::string report = describe_findings(check(text, {level, false}));
  if (!trains) report += describe_findings(check(text, {level, true}));
  return report;
}

std::string print_network(uint64_t seed) {
  const RandomNetwork network = random_network(seed);
  return network.training + network.inference;
}

} // namespace kiln::test
