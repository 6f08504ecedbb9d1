// Lists of image files with their classes: CSV, or a path and a label a line.
// No image is opened.
#pragma once

#include "runtime/data_facts.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime {

enum class ListFormat : uint8_t {
  automatic, // csv if the file's name ends in .csv, else blank
  csv,       // path,label: fields may stand in double quotes, in which "" is one
  blank,     // the line's last blank (space or tab) is between path and label
};

struct ListOptions {
  ListFormat format = ListFormat::automatic;
  bool has_header = false; // the first line names the columns
  std::string root = {};   // what relative paths begin at; empty: the list's own directory
};

struct ListLine {
  int64_t line = 0; // from 1, for messages
  std::string path;
  std::string label;
};

// Throws Error (data) naming file and line. Empty lines are passed over.
std::vector<ListLine> read_list(const std::string& file, const ListOptions& options);

// The fields of a CSV text, line by line; exposed for its tests. `lines` gets the number of each row's first line.
std::vector<std::vector<std::string>> parse_csv(std::string_view text, const std::string& name,
                                                std::vector<int64_t>& lines);

// The classes that labels name: none if all are whole numbers, else the different labels, sorted by bytes. Throws Error
// (data) if only the first line's label is no number, as a header's would be.
std::vector<std::string> find_class_names(const std::vector<ListLine>& lines, const std::string& file);

// A label that is a class's name is that class; else it is the class's number. Throws Error (data) naming the line.
FileListing label_list(std::vector<ListLine> lines, const std::string& file,
                       const std::vector<std::string>& class_names);

} // namespace kiln::runtime
