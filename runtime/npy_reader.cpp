// NumPy arrays: .npy files, and the members of .npz archives; versions 1 to 3, either byte order, C or Fortran order.
#include "runtime/npy_reader.h"

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/number_format.h"
#include "runtime/zip_reader.h"

#include <algorithm>
#include <cstring>

namespace kiln::runtime {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw Error(ErrorKind::data, name + ": " + what);
}

// The header is a Python dict: {'descr': '|u1', 'fortran_order': False, 'shape': (3, 28), }
class DictParser {
public:
  DictParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  void parse(NpyHeader& header) {
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!take('}')) {
      const std::string_view key = read_string();
      expect(':');
      if (key == "descr") {
        read_type(header);
        has_type = true;
      } else if (key == "fortran_order") {
        header.is_fortran = read_bool();
        has_order = true;
      } else if (key == "shape") {
        read_shape(header);
        has_shape = true;
      } else {
        fail(name_, "array header: unknown entry '" + std::string(key) + "'");
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    if (!has_type || !has_order || !has_shape) fail(name_, "array header: expected descr, fortran_order and shape");
  }

private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c))
      fail(name_, std::string("array header: expected '") + c + "' at byte " +
                      format_integer(static_cast<int64_t>(at_)) + " of its text");
  }
  std::string_view read_string() {
    skip_blanks();
    const char quote = at_ < text_.size() && text_[at_] == '"' ? '"' : '\'';
    expect(quote);
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) fail(name_, "array header: a string does not end");
    const std::string_view text = text_.substr(at_, end - at_);
    at_ = end + 1;
    return text;
  }
  void read_type(NpyHeader& header) {
    if (take('[')) fail(name_, "a structured array: expected plain numbers");
    const std::string_view type = read_string();
    const bool known = type.size() == 3 && std::string_view("<>|=").find(type[0]) != std::string_view::npos &&
                       std::string_view("uifb").find(type[1]) != std::string_view::npos &&
                       std::string_view("1248").find(type[2]) != std::string_view::npos;
    if (!known) fail(name_, "elements of type '" + std::string(type) + "': expected numbers of 1, 2, 4 or 8 bytes");
    header.is_big_endian = type[0] == '>';
    header.kind = type[1];
    header.element_bytes = type[2] - '0';
  }
  bool read_bool() {
    skip_blanks();
    for (std::string_view word : {"True", "False"})
      if (text_.substr(std::min(at_, text_.size())).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    fail(name_, "array header: expected True or False");
  }
  void read_shape(NpyHeader& header) {
    expect('(');
    header.dims.clear();
    int64_t elements = header.element_bytes > 0 ? header.element_bytes : 8;
    while (!take(')')) {
      skip_blanks();
      const size_t begin = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      int64_t dim = 0;
      if (!parse_integer(text_.substr(begin, at_ - begin), dim)) fail(name_, "array header: a size is no number");
      if (__builtin_mul_overflow(elements, std::max<int64_t>(dim, 1), &elements) || header.dims.size() >= 32)
        fail(name_, "array header: the shape is out of range");
      header.dims.push_back(dim);
      if (!take(',')) {
        expect(')');
        break;
      }
    }
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

bool is_archive(const std::string& file) {
  char start[2] = {};
  const InputFile input(file);
  if (input.size() >= sizeof start) input.read_at(0, start, sizeof start);
  return start[0] == 'P' && start[1] == 'K';
}

const ZipFile::Member& find_member(const ZipFile& archive, const ArrayPlace& place) {
  if (const ZipFile::Member* member = archive.find(place.array + ".npy")) return *member;
  std::string names;
  for (const ZipFile::Member& member : archive.members()) {
    if (!member.name.ends_with(".npy")) continue;
    names += (names.empty() ? "" : ", ") + member.name.substr(0, member.name.size() - 4);
    if (names.size() > 300) {
      names += ", ...";
      break;
    }
  }
  fail(place.file, "no array named \"" + place.array + "\"; " + (names.empty() ? "there are none" : "it has " + names));
}

// `held`: bytes behind the header.
void check_size(const NpyHeader& header, int64_t held, const std::string& name) {
  const int64_t bytes = header.elements() * header.element_bytes;
  if (held != bytes)
    fail(name, std::string(held < bytes ? "truncated" : "trailing bytes") + ": expected " + format_integer(bytes) +
                   " bytes of data (" + header.shape_text() + " of " + header.type_name() + "), got " +
                   format_integer(held));
}

// Element i of C order is element j of Fortran order; both count the same indices, from opposite ends.
void reorder(const NpyHeader& header, const uint8_t* from, uint8_t* to) {
  const size_t rank = header.dims.size();
  const auto bytes = static_cast<size_t>(header.element_bytes);
  std::vector<int64_t> index(rank, 0), stride(rank, 1);
  for (size_t dim = 1; dim < rank; ++dim) stride[dim] = stride[dim - 1] * header.dims[dim - 1];
  int64_t place = 0;
  for (int64_t element = header.elements(); element > 0; --element) {
    memcpy(to, from + static_cast<size_t>(place) * bytes, bytes);
    to += bytes;
    for (size_t dim = rank; dim-- > 0;) {
      place += stride[dim];
      if (++index[dim] < header.dims[dim]) break;
      place -= stride[dim] * header.dims[dim];
      index[dim] = 0;
    }
  }
}

} // namespace

std::string NpyHeader::type_name() const { return std::string(1, kind) + format_integer(element_bytes); }

std::string NpyHeader::shape_text() const {
  std::string text;
  for (int64_t dim : dims) text += (text.empty() ? "" : "x") + format_integer(dim);
  return text.empty() ? "a single number" : text;
}

int64_t NpyHeader::elements() const {
  int64_t count = 1;
  for (int64_t dim : dims) count *= dim;
  return count;
}

std::string name_of(const ArrayPlace& place) {
  return place.array.empty() ? place.file : place.file + ": array " + place.array;
}

NpyHeader parse_npy_header(Bytes start, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  if (text.empty()) fail(name, "the file is empty");
  if (!text.starts_with(magic.substr(0, text.size())) || (text.size() >= magic.size() && !text.starts_with(magic)))
    fail(name, "not a NumPy array");
  if (text.size() < 12) fail(name, "truncated in its array header");
  const int version = start[6];
  if (version < 1 || version > 3) fail(name, "array format version " + format_integer(version) + ": expected 1 to 3");
  const size_t length_bytes = version == 1 ? 2 : 4;
  size_t length = 0;
  for (size_t i = length_bytes; i-- > 0;) length = length << 8 | start[8 + i];
  NpyHeader header;
  header.header_bytes = 8 + length_bytes + length;
  if (header.header_bytes > max_npy_header_bytes) fail(name, "array header: too long");
  if (header.header_bytes > text.size()) fail(name, "truncated in its array header");
  DictParser(text.substr(8 + length_bytes, length), name).parse(header);
  return header;
}

NpyHeader read_npy_header(const ArrayPlace& place) {
  std::vector<uint8_t> start;
  const auto parse = [&](uint64_t bytes, const std::string& name) {
    NpyHeader header = parse_npy_header(start, name);
    check_size(header, static_cast<int64_t>(bytes - header.header_bytes), name);
    return header;
  };
  if (is_archive(place.file)) {
    const ZipFile archive(place.file);
    const ZipFile::Member& member = find_member(archive, place);
    start = archive.read_start(member, max_npy_header_bytes);
    return parse(member.bytes, name_of(place));
  }
  const InputFile file(place.file);
  start.resize(std::min<uint64_t>(file.size(), max_npy_header_bytes));
  file.read_at(0, start.data(), start.size());
  return parse(file.size(), place.file);
}

NpyArray read_npy(const ArrayPlace& place) {
  const bool in_archive = is_archive(place.file);
  const std::string name = in_archive ? name_of(place) : place.file;
  std::vector<uint8_t> content;
  if (in_archive) {
    const ZipFile archive(place.file);
    content = archive.read(find_member(archive, place));
  } else {
    const InputFile file(place.file);
    content.resize(file.size());
    file.read_at(0, content.data(), content.size());
  }
  NpyArray array;
  array.header = parse_npy_header(Bytes(content).first(std::min(content.size(), max_npy_header_bytes)), name);
  const NpyHeader& header = array.header;
  const int64_t bytes = header.elements() * header.element_bytes;
  check_size(header, static_cast<int64_t>(content.size() - header.header_bytes), name);
  if (header.is_fortran && header.dims.size() > 1) {
    array.data.resize(static_cast<size_t>(bytes));
    reorder(header, content.data() + header.header_bytes, array.data.data());
  } else {
    content.erase(content.begin(), content.begin() + static_cast<int64_t>(header.header_bytes));
    array.data = std::move(content);
  }
  if (header.is_big_endian)
    for (auto at = array.data.begin(); at != array.data.end(); at += header.element_bytes)
      std::reverse(at, at + header.element_bytes);
  return array;
}

ImageShape npy_image_shape(const NpyHeader& header, bool channels_first, const std::string& name) {
  const std::vector<int64_t>& dims = header.dims;
  const bool is_image = header.kind == 'u' && header.element_bytes == 1 && (dims.size() == 3 || dims.size() == 4) &&
                        std::all_of(dims.begin(), dims.end(), [](int64_t dim) { return dim > 0; });
  if (!is_image)
    fail(name, "images are " + header.shape_text() + " of " + header.type_name() +
                   ": expected bytes (u1) of samples x height x width, or with channels last (or first, if " +
                   "channels_first says so)");
  if (dims.size() == 3) return {dims[1], dims[2], 1};
  return channels_first ? ImageShape{dims[2], dims[3], dims[1]} : ImageShape{dims[1], dims[2], dims[3]};
}

} // namespace kiln::runtime
