// Checks random networks by seed: random_networks --seeds 1-2000 [--level v4]; or one from a file of IR text.
// Prints each network that fails, the command that replays it and a small network that fails in the same way.
#include "codegen/host_cpu.h"
#include "tests/support/random_check.h"

#include <charconv>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace {

using namespace kiln;

int usage(const std::string& problem) {
  fmt::print(stderr,
             "{}\nusage: random_networks [--seeds A-B] [--level x86-64|v2|v3|v4] [--print] [FILE.ir]\n"
             "  --print  shows the networks of the seeds, and checks nothing\n",
             problem);
  return 2;
}

bool parse_range(std::string_view text, uint64_t& first, uint64_t& last) {
  const auto [middle, bad] = std::from_chars(text.data(), text.data() + text.size(), first);
  if (bad != std::errc()) return false;
  last = first;
  if (middle == text.data() + text.size()) return true;
  const auto [end, worse] = std::from_chars(middle + 1, text.data() + text.size(), last);
  return *middle == '-' && worse == std::errc() && end == text.data() + text.size() && last >= first;
}

} // namespace

int main(int count, char** words) {
  uint64_t first = 1, last = 50;
  ir::IsaLevel level = codegen::host_isa_level();
  bool print = false;
  std::string file;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--print") {
      print = true;
    } else if (word == "--seeds" && i + 1 < count) {
      if (!parse_range(words[++i], first, last)) return usage(fmt::format("no seeds: {}", words[i]));
    } else if (word == "--level" && i + 1 < count) {
      const auto named = ir::parse_isa_level(words[++i]);
      if (!named || *named > codegen::host_isa_level()) return usage(fmt::format("not to be had here: {}", words[i]));
      level = *named;
    } else if (!word.starts_with("-") && file.empty()) {
      file = word;
    } else {
      return usage(fmt::format("unknown: {}", word));
    }
  }
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return usage(fmt::format("{} cannot be read", file));
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::string report = test::check_network_text(text, level);
    fmt::print("{}", report);
    return report.empty() ? 0 : 1;
  }
  int failed = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    if (print) {
      fmt::print("{}", test::print_network(seed));
      continue;
    }
    if (seed % 50 == 0) fmt::print(stderr, "seed {}\n", seed);
    const std::string report = test::check_random_network(seed, level);
    if (report.empty()) continue;
    ++failed;
    fmt::print("{}\n", report);
    std::fflush(stdout);
  }
  if (!print) fmt::print("{} passed, {} failed\n", last - first + 1 - static_cast<uint64_t>(failed), failed);
  return failed == 0 ? 0 : 1;
}
