// The words of a product's command line.
#include "products/command_line.h"

#include "runtime/error.h"
#include "runtime/number_format.h"

#include <algorithm>

namespace kiln::products {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw runtime::Error(runtime::ErrorKind::usage, message); }

bool takes_many(const Flag& flag) { return flag.value.ends_with("..."); }

} // namespace

CommandLine::CommandLine(std::span<const Flag> flags, int argc, const char* const* argv) {
  bool only_words = false;
  Given* open = nullptr; // takes the words that follow
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (only_words || word.size() < 2 || word.front() != '-') {
      std::vector<std::string>& target = open ? open->values : words_;
      target.emplace_back(word);
      continue;
    }
    open = nullptr;
    if (word == "--") {
      only_words = true;
      continue;
    }
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const auto flag = std::find_if(flags.begin(), flags.end(), [&](const Flag& known) { return known.name == name; });
    if (flag == flags.end()) refuse("unknown option " + std::string(name) + "; --help lists them");
    if (has(name)) refuse(std::string(name) + " is given twice");
    Given& given = given_.emplace_back(Given{&*flag, {}});
    if (equals != std::string_view::npos) {
      if (flag->value.empty()) refuse(std::string(name) + " takes no value");
      given.values.emplace_back(word.substr(equals + 1));
    } else if (takes_many(*flag)) {
      open = &given;
      if (i + 1 == argc || argv[i + 1][0] == '-')
        refuse(std::string(name) + " needs a value: " + std::string(flag->value));
    } else if (!flag->value.empty()) {
      if (++i == argc) refuse(std::string(name) + " needs a value: " + std::string(flag->value));
      given.values.emplace_back(argv[i]);
    }
  }
}

const CommandLine::Given* CommandLine::find(std::string_view flag) const {
  const auto found =
      std::find_if(given_.begin(), given_.end(), [&](const Given& given) { return given.flag->name == flag; });
  return found == given_.end() ? nullptr : &*found;
}

std::span<const std::string> CommandLine::values(std::string_view flag) const {
  const Given* given = find(flag);
  return given ? std::span<const std::string>(given->values) : std::span<const std::string>();
}

std::string CommandLine::text(std::string_view flag, std::string_view otherwise) const {
  const std::span<const std::string> given = values(flag);
  return given.empty() ? std::string(otherwise) : given.front();
}

int64_t CommandLine::count(std::string_view flag, int64_t least, int64_t otherwise) const {
  if (!has(flag)) return otherwise;
  int64_t value = 0;
  if (!runtime::parse_integer(text(flag), value) || value < least)
    refuse(std::string(flag) + " takes a whole number from " + runtime::format_integer(least) + " on, not \"" +
           text(flag) + "\"");
  return value;
}

std::string help_text(std::span<const Flag> flags) {
  size_t width = 0;
  const auto head = [](const Flag& flag) {
    return std::string(flag.name) + (flag.value.empty() ? "" : " " + std::string(flag.value));
  };
  for (const Flag& flag : flags) width = std::max(width, head(flag).size());
  std::string text;
  for (const Flag& flag : flags) {
    std::string line = "  " + head(flag);
    line.resize(width + 4, ' ');
    text += line + std::string(flag.help) + "\n";
  }
  return text;
}

} // namespace kiln::products
