// Reads ZIP archives as NumPy writes them: stored and deflated members, ZIP64 sizes, checked by CRC-32.
// Damaged archives end in an Error (data) that names the archive and the member.
#include "runtime/zip_reader.h"

#include "runtime/error.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <zlib.h>

namespace kiln::runtime {
namespace {

constexpr uint64_t max_expansion = 1040; // deflate shrinks to 1/1032 at best
constexpr uint16_t method_stored = 0, method_deflated = 8;
constexpr size_t end_bytes = 22, local_header_bytes = 30, entry_bytes = 46, zip64_locator_bytes = 20,
                 zip64_end_bytes = 56;

uint64_t number(const uint8_t* at, size_t bytes) {
  uint64_t value = 0;
  while (bytes-- > 0) value = value << 8 | at[bytes];
  return value;
}

} // namespace

void ZipFile::fail(const std::string& what) const { throw Error(ErrorKind::data, file_.path() + ": " + what); }

ZipFile::ZipFile(const std::string& path) : file_(path) {
  // The end record is followed by a comment of at most 65535 bytes.
  const uint64_t tail_bytes = std::min<uint64_t>(file_.size(), end_bytes + 65535);
  if (tail_bytes < end_bytes) fail("not a ZIP archive, or truncated");
  const uint64_t tail_offset = file_.size() - tail_bytes;
  std::vector<uint8_t> tail(tail_bytes);
  file_.read_at(tail_offset, tail.data(), tail.size());
  size_t end = tail.size() - end_bytes;
  while (number(&tail[end], 4) != 0x06054b50) {
    if (end == 0) fail("not a ZIP archive, or truncated: no directory at its end");
    --end;
  }
  uint64_t entries = number(&tail[end + 10], 2), bytes = number(&tail[end + 12], 4),
           offset = number(&tail[end + 16], 4);
  if (end >= zip64_locator_bytes && number(&tail[end - zip64_locator_bytes], 4) == 0x07064b50) {
    const uint64_t record = number(&tail[end - zip64_locator_bytes + 8], 8);
    if (record > file_.size() || file_.size() - record < zip64_end_bytes) fail("damaged: no ZIP64 directory");
    uint8_t large[zip64_end_bytes];
    file_.read_at(record, large, sizeof large);
    if (number(large, 4) != 0x06064b50) fail("damaged: no ZIP64 directory");
    entries = number(large + 32, 8);
    bytes = number(large + 40, 8);
    offset = number(large + 48, 8);
  }
  read_directory(offset, bytes, entries);
}

void ZipFile::read_directory(uint64_t offset, uint64_t bytes, uint64_t entries) {
  if (bytes > file_.size() || offset > file_.size() - bytes || entries > bytes / entry_bytes)
    fail("damaged: the directory lies outside of the file");
  std::vector<uint8_t> directory(bytes);
  file_.read_at(offset, directory.data(), directory.size());
  size_t at = 0;
  for (uint64_t entry = 0; entry < entries; ++entry) {
    if (directory.size() - at < entry_bytes || number(&directory[at], 4) != 0x02014b50) fail("damaged directory");
    const uint8_t* fields = &directory[at];
    const size_t name_bytes = number(fields + 28, 2), extra_bytes = number(fields + 30, 2),
                 comment_bytes = number(fields + 32, 2);
    if (directory.size() - at - entry_bytes < name_bytes + extra_bytes + comment_bytes) fail("damaged directory");
    Member member;
    member.name.assign(reinterpret_cast<const char*>(fields + entry_bytes), name_bytes);
    if ((number(fields + 8, 2) & 1) != 0) fail("member " + member.name + " is encrypted");
    member.method = static_cast<uint16_t>(number(fields + 10, 2));
    member.crc = static_cast<uint32_t>(number(fields + 16, 4));
    member.packed_bytes = number(fields + 20, 4);
    member.bytes = number(fields + 24, 4);
    member.offset = number(fields + 42, 4);
    // ZIP64: those of the three that do not fit stand in an extra field, in this order.
    const uint8_t* extra = fields + entry_bytes + name_bytes;
    for (size_t left = extra_bytes; left >= 4;) {
      const size_t size = number(extra + 2, 2);
      if (size > left - 4) break;
      const uint8_t* value = extra + 4;
      size_t value_bytes = size;
      for (uint64_t* field : {&member.bytes, &member.packed_bytes, &member.offset}) {
        if (number(extra, 2) != 1 || *field != 0xffffffff || value_bytes < 8) continue;
        *field = number(value, 8);
        value += 8;
        value_bytes -= 8;
      }
      extra += 4 + size;
      left -= 4 + size;
    }
    members_.push_back(std::move(member));
    at += entry_bytes + name_bytes + extra_bytes + comment_bytes;
  }
}

const ZipFile::Member* ZipFile::find(std::string_view name) const {
  for (const Member& member : members_)
    if (member.name == name) return &member;
  return nullptr;
}

uint64_t ZipFile::data_offset(const Member& member) const {
  uint8_t header[local_header_bytes];
  if (member.offset > file_.size() || file_.size() - member.offset < sizeof header)
    fail("member " + member.name + " lies outside of the file");
  file_.read_at(member.offset, header, sizeof header);
  if (number(header, 4) != 0x04034b50) fail("member " + member.name + " has no header where the directory says");
  const uint64_t offset = member.offset + sizeof header + number(header + 26, 2) + number(header + 28, 2);
  if (offset > file_.size() || member.packed_bytes > file_.size() - offset)
    fail("member " + member.name + " is truncated");
  if (member.method != method_stored && member.method != method_deflated)
    fail("member " + member.name + " is packed by method " + format_integer(member.method) +
         ": expected stored or deflated");
  if (member.method == method_stored ? member.bytes != member.packed_bytes
                                     : member.bytes / max_expansion > member.packed_bytes)
    fail("member " + member.name + " cannot have " + format_integer(static_cast<int64_t>(member.bytes)) + " bytes");
  return offset;
}

std::vector<uint8_t> ZipFile::unpack(const Member& member, uint64_t bytes) const {
  uint64_t offset = data_offset(member);
  std::vector<uint8_t> out(bytes);
  if (member.method == method_stored) {
    file_.read_at(offset, out.data(), out.size());
    return out;
  }
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error(ErrorKind::memory, "zlib has no memory");
  constexpr uint64_t chunk_bytes = 1 << 18;
  std::vector<uint8_t> packed(std::min(member.packed_bytes, chunk_bytes));
  uint64_t left = member.packed_bytes, done = 0;
  int code = Z_OK;
  while (done < bytes && code == Z_OK) {
    if (stream.avail_in == 0 && left > 0) {
      const auto now = static_cast<size_t>(std::min<uint64_t>(left, packed.size()));
      try {
        file_.read_at(offset, packed.data(), now);
      } catch (...) {
        inflateEnd(&stream);
        throw;
      }
      offset += now;
      left -= now;
      stream.next_in = packed.data();
      stream.avail_in = static_cast<uInt>(now);
    }
    const auto room = static_cast<uInt>(std::min<uint64_t>(bytes - done, uint64_t{1} << 30));
    stream.next_out = out.data() + done;
    stream.avail_out = room;
    code = inflate(&stream, Z_NO_FLUSH);
    done += room - stream.avail_out;
  }
  inflateEnd(&stream);
  if (done < bytes)
    fail("member " + member.name + " is damaged: " + format_integer(static_cast<int64_t>(done)) + " of " +
         format_integer(static_cast<int64_t>(bytes)) + " bytes can be unpacked");
  return out;
}

std::vector<uint8_t> ZipFile::read(const Member& member) const {
  std::vector<uint8_t> data = unpack(member, member.bytes);
  if (crc32_z(0, data.data(), data.size()) != member.crc) fail("member " + member.name + " is damaged: wrong checksum");
  return data;
}

std::vector<uint8_t> ZipFile::read_start(const Member& member, uint64_t bytes) const {
  return unpack(member, std::min(bytes, member.bytes));
}

} // namespace kiln::runtime
