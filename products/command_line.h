// The words of a product's command line: flags with values, in a list that also is the help.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::products {

struct Flag {
  std::string_view name;  // "--epochs"
  std::string_view value; // what --help calls its value; empty: a switch; "FILE...": all words up to the next flag
  std::string_view help;
};

class CommandLine {
public:
  // Throws runtime::Error (usage): an unknown flag, a missing value, a flag given twice.
  CommandLine(std::span<const Flag> flags, int argc, const char* const* argv);

  bool has(std::string_view flag) const { return find(flag) != nullptr; }
  std::string text(std::string_view flag, std::string_view otherwise = {}) const;
  // Whole numbers from `least` on; throws runtime::Error (usage).
  int64_t count(std::string_view flag, int64_t least, int64_t otherwise) const;
  std::span<const std::string> values(std::string_view flag) const;
  const std::vector<std::string>& words() const { return words_; } // that belong to no flag

private:
  struct Given {
    const Flag* flag;
    std::vector<std::string> values;
  };
  const Given* find(std::string_view flag) const;

  std::vector<Given> given_;
  std::vector<std::string> words_;
};

// A line a flag.
std::string help_text(std::span<const Flag> flags);

} // namespace kiln::products
