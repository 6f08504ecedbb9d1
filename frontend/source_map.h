// From text that was expanded back to what the user wrote, and from protobuf's coordinates to byte offsets.
// An expansion is made of pieces: stretches of the file, and words that were put in, each said at some place of the
// file and within some use of a block.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frontend/diagnostics.h"

namespace kiln::frontend {

// Where lines begin. Lines and columns are from 1 for people, who take a tab as one column; protobuf's parser counts
// from 0 and takes tabs as steps to multiples of 8.
class TextLines {
public:
  explicit TextLines(std::string_view text);

  struct LineColumn {
    int line;
    int column;
  };
  LineColumn read(size_t offset) const;
  size_t offset_of_parser(int line, int column) const;

private:
  std::string_view text_;
  std::vector<size_t> starts_;
};

class ExpandedText {
public:
  // Within no use.
  static constexpr int kOutside = -1;

  // `text` is the whole file and must outlive this.
  ExpandedText(std::string_view text, std::string file) : original_(text), file_(std::move(file)), lines_(text) {}

  // A use of `block` that stands at `offset`, itself within the use `outer`.
  int add_use(std::string block, size_t offset, int outer);

  // Appends what stands at [begin, end) of the file.
  void copy(size_t begin, size_t end, int use);
  // Appends text of our own, said at `offset`.
  void put(std::string_view text, size_t offset, int use);

  const std::string& text() const { return text_; }
  std::string_view original() const { return original_; }
  const std::string& file() const { return file_; }

  // Of an offset in the expansion.
  Place place(size_t expanded) const;
  // Of an offset in the file, within a use.
  Place place_in_file(size_t offset, int use) const;

private:
  struct Piece {
    size_t begin;  // in the expansion
    size_t source; // in the file
    bool is_copy;  // or all of it stands at `source`
    int use;
  };
  struct Use {
    std::string block;
    size_t offset;
    int outer;
  };

  std::string_view original_;
  std::string file_;
  TextLines lines_;
  std::string text_;
  std::vector<Piece> pieces_;
  std::vector<Use> uses_;
};

} // namespace kiln::frontend
