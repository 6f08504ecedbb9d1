// From text that was expanded back to what the user wrote, and from protobuf's coordinates to byte offsets.
// Pieces are in the order of the expansion, so the one that holds an offset is found by halving.
#include "frontend/source_map.h"

#include <algorithm>

namespace kiln::frontend {

TextLines::TextLines(std::string_view text) : text_(text) {
  starts_.push_back(0);
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') starts_.push_back(i + 1);
}

TextLines::LineColumn TextLines::read(size_t offset) const {
  auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
  return {static_cast<int>(next - starts_.begin()), static_cast<int>(offset - *(next - 1)) + 1};
}

size_t TextLines::offset_of_parser(int line, int column) const {
  if (line < 0) return 0;
  if (static_cast<size_t>(line) >= starts_.size()) return text_.size();
  size_t at = starts_[static_cast<size_t>(line)];
  for (int reached = 0; reached < column && at < text_.size() && text_[at] != '\n'; ++at) {
    constexpr int tab = 8; // Tokenizer::kTabWidth, which is private
    reached = text_[at] == '\t' ? (reached / tab + 1) * tab : reached + 1;
  }
  return at;
}

int ExpandedText::add_use(std::string block, size_t offset, int outer) {
  uses_.push_back({std::move(block), offset, outer});
  return static_cast<int>(uses_.size()) - 1;
}

void ExpandedText::copy(size_t begin, size_t end, int use) {
  pieces_.push_back({text_.size(), begin, true, use});
  text_ += original_.substr(begin, end - begin);
}

void ExpandedText::put(std::string_view text, size_t offset, int use) {
  pieces_.push_back({text_.size(), offset, false, use});
  text_ += text;
}

Place ExpandedText::place(size_t expanded) const {
  auto next = std::upper_bound(pieces_.begin(), pieces_.end(), expanded,
                               [](size_t offset, const Piece& piece) { return offset < piece.begin; });
  if (next == pieces_.begin()) return place_in_file(expanded, kOutside);
  const Piece& piece = *(next - 1);
  return place_in_file(piece.is_copy ? piece.source + (expanded - piece.begin) : piece.source, piece.use);
}

Place ExpandedText::place_in_file(size_t offset, int use) const {
  auto [line, column] = lines_.read(offset);
  Place place{file_, line, column, {}};
  while (use != kOutside) {
    const Use& each = uses_[static_cast<size_t>(use)];
    auto [use_line, use_column] = lines_.read(each.offset);
    place.uses.push_back({each.block, use_line, use_column});
    use = each.outer;
  }
  return place;
}

} // namespace kiln::frontend
