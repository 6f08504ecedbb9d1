// NumPy arrays and ZIP archives made up for a test, as NumPy writes them.
#include "tests/support/array_files.h"

#include <zlib.h>

namespace kiln::testing {
namespace {

std::string number(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
  return text;
}

std::string deflate_raw(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

} // namespace

std::string encode_npy(std::string_view type, std::string_view shape, std::string_view data, bool fortran,
                       int version) {
  std::string header = "{'descr': '" + std::string(type) + "', 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': " + std::string(shape) + ", }";
  const int length_bytes = version == 1 ? 2 : 4;
  while ((8 + static_cast<size_t>(length_bytes) + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  return "\x93NUMPY" + number(static_cast<uint64_t>(version), 1) + number(0, 1) + number(header.size(), length_bytes) +
         header + std::string(data);
}

std::string encode_zip(const std::vector<ZipMember>& members, bool deflated, bool zip64) {
  std::string file, directory;
  for (const ZipMember& member : members) {
    const std::string packed = deflated ? deflate_raw(member.content) : member.content;
    const uint64_t offset = file.size();
    const uint32_t crc =
        static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(member.content.data()), member.content.size()));
    const std::string sizes = number(packed.size(), 4) + number(member.content.size(), 4);
    const std::string common =
        number(zip64 ? 45 : 20, 2) + number(0, 2) + number(deflated ? 8 : 0, 2) + number(0, 4) + number(crc, 4);
    file += "PK\x03\x04" + common + sizes + number(member.name.size(), 2) + number(0, 2) + member.name + packed;
    const std::string extra = zip64 ? number(1, 2) + number(24, 2) + number(member.content.size(), 8) +
                                          number(packed.size(), 8) + number(offset, 8)
                                    : "";
    directory += "PK\x01\x02" + number(20, 2) + common + (zip64 ? number(~uint64_t{0}, 8) : sizes) +
                 number(member.name.size(), 2) + number(extra.size(), 2) + number(0, 10) +
                 number(zip64 ? ~uint64_t{0} : offset, 4) + member.name + extra;
  }
  const uint64_t offset = file.size();
  file += directory;
  if (zip64) {
    const uint64_t end = file.size();
    file += "PK\x06\x06" + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8) + number(members.size(), 8) +
            number(members.size(), 8) + number(directory.size(), 8) + number(offset, 8);
    file += "PK\x06\x07" + number(0, 4) + number(end, 8) + number(1, 4);
  }
  file += "PK\x05\x06" + number(0, 4);
  file += zip64 ? number(~uint64_t{0}, 4) : number(members.size(), 2) + number(members.size(), 2);
  file += zip64 ? number(~uint64_t{0}, 8) : number(directory.size(), 4) + number(offset, 4);
  return file + number(0, 2);
}

} // namespace kiln::testing
