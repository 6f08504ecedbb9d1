// Lists of image files with their classes: CSV, or a path and a label a line.
// No image is opened.
#include "runtime/list_reader.h"

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <limits>
#include <set>
#include <unordered_map>

namespace kiln::runtime {
namespace {

[[noreturn]] void fail(const std::string& file, int64_t line, const std::string& what) {
  throw Error(ErrorKind::data, file + ":" + format_integer(line) + ": " + what);
}

bool is_label_number(std::string_view text, int64_t& value) {
  return parse_integer(text, value) && value >= 0 && value <= std::numeric_limits<int32_t>::max();
}

std::vector<ListLine> read_csv_lines(std::string_view text, const std::string& file) {
  std::vector<int64_t> numbers;
  std::vector<std::vector<std::string>> rows = parse_csv(text, file, numbers);
  std::vector<ListLine> lines;
  for (size_t row = 0; row < rows.size(); ++row) {
    if (rows[row].size() != 2)
      fail(file, numbers[row],
           "expected 2 fields, path and label, got " + format_integer(static_cast<int64_t>(rows[row].size())));
    lines.push_back({numbers[row], std::move(rows[row][0]), std::move(rows[row][1])});
  }
  return lines;
}

std::vector<ListLine> read_blank_lines(std::string_view text, const std::string& file) {
  std::vector<ListLine> lines;
  int64_t number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty()) continue;
    const size_t blank = line.find_last_of(" \t");
    if (blank == std::string_view::npos)
      fail(file, number, "expected a path, a blank and a label, got \"" + std::string(line) + "\"");
    std::string_view path = line.substr(0, blank);
    while (!path.empty() && (path.back() == ' ' || path.back() == '\t')) path.remove_suffix(1);
    lines.push_back({number, std::string(path), std::string(line.substr(blank + 1))});
  }
  return lines;
}

} // namespace

std::vector<std::vector<std::string>> parse_csv(std::string_view text, const std::string& name,
                                                std::vector<int64_t>& lines) {
  std::vector<std::vector<std::string>> rows;
  int64_t line = 1;
  size_t at = 0;
  while (at < text.size()) {
    std::vector<std::string> row;
    const int64_t first_line = line;
    bool row_ends = false;
    while (!row_ends) {
      std::string field;
      if (at < text.size() && text[at] == '"') {
        for (++at;; ++at) {
          if (at >= text.size()) fail(name, first_line, "a quoted field does not end");
          if (text[at] == '\n') ++line;
          if (text[at] != '"') {
            field += text[at];
          } else if (at + 1 < text.size() && text[at + 1] == '"') {
            field += text[++at];
          } else {
            break;
          }
        }
        ++at;
        const bool ends = at >= text.size() || text[at] == ',' || text[at] == '\n' || text[at] == '\r';
        if (!ends) fail(name, line, "text after a quoted field");
      } else {
        while (at < text.size() && text[at] != ',' && text[at] != '\n') field += text[at++];
        if (field.ends_with('\r') && (at >= text.size() || text[at] == '\n')) field.pop_back();
      }
      row.push_back(std::move(field));
      if (at < text.size() && text[at] == '\r') ++at;
      row_ends = at >= text.size() || text[at] == '\n';
      ++at; // the comma or the end of the line
    }
    ++line;
    if (row.size() == 1 && row[0].empty()) continue;
    rows.push_back(std::move(row));
    lines.push_back(first_line);
  }
  return rows;
}

std::vector<ListLine> read_list(const std::string& file, const ListOptions& options) {
  const std::string content = read_text_file(file);
  std::string_view text = content;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3); // UTF-8's byte order mark
  const bool is_csv =
      options.format == ListFormat::csv || (options.format == ListFormat::automatic && file.ends_with(".csv"));
  std::vector<ListLine> lines = is_csv ? read_csv_lines(text, file) : read_blank_lines(text, file);
  if (options.has_header && !lines.empty()) lines.erase(lines.begin());
  if (lines.empty()) throw Error(ErrorKind::data, file + ": the list is empty");
  const std::string root = options.root.empty() ? parent_directory(file) : options.root;
  for (ListLine& line : lines) {
    if (line.path.empty()) fail(file, line.line, "an empty path");
    if (line.label.empty()) fail(file, line.line, "an empty label");
    if (!line.path.starts_with('/')) line.path = join_path(root, line.path);
  }
  return lines;
}

std::vector<std::string> find_class_names(const std::vector<ListLine>& lines, const std::string& file) {
  int64_t number = 0;
  size_t names = 0;
  std::set<std::string> different;
  for (const ListLine& line : lines) {
    if (!is_label_number(line.label, number)) ++names;
    different.insert(line.label);
  }
  if (names == 0) return {};
  if (names == 1 && lines.size() > 1 && !is_label_number(lines.front().label, number))
    fail(file, lines.front().line,
         "the label \"" + lines.front().label +
             "\" is no number, all others are: is this line a header (header: true)?");
  return {different.begin(), different.end()};
}

FileListing label_list(std::vector<ListLine> lines, const std::string& file,
                       const std::vector<std::string>& class_names) {
  std::unordered_map<std::string_view, int32_t> numbers;
  for (size_t label = 0; label < class_names.size(); ++label)
    numbers.emplace(class_names[label], static_cast<int32_t>(label));
  const auto find_label = [&](const ListLine& line, int64_t& label) {
    const auto named = numbers.find(line.label);
    if (named != numbers.end()) label = named->second;
    return named != numbers.end() || is_label_number(line.label, label);
  };
  FileListing listing;
  for (auto at = lines.begin(); at != lines.end(); ++at) {
    ListLine& line = *at;
    int64_t label = 0;
    if (!find_label(line, label)) {
      const auto more =
          std::count_if(at + 1, lines.end(), [&](const ListLine& other) { return !find_label(other, label); });
      fail(file, line.line,
           "the label \"" + line.label + "\" is neither a class's name nor its number" +
               (more == 0 ? "" : "; so are those of " + format_integer(more) + " more lines"));
    }
    listing.paths.push_back(std::move(line.path));
    listing.labels.push_back(static_cast<int32_t>(label));
  }
  return listing;
}

} // namespace kiln::runtime
