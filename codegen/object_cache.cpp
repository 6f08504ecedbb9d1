// The files of the object cache: a line of magic, the payload's SHA-256 and its bytes.
// Not flushed to the disk: what a crash of the machine leaves behind fails its checksum.
#include "codegen/object_cache.h"

#include "codegen/optimize.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/sha256.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace kiln::codegen {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMagic = "kiln object 1\n";
constexpr size_t kHashDigits = 64;
constexpr std::string_view kTemporary = ".tmp-";
constexpr auto kAbandoned = std::chrono::hours(1); // no writer takes so long

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::optional<std::string> read_whole(const std::string& path) {
  if (!runtime::file_exists(path)) return std::nullopt;
  try {
    return runtime::read_text_file(path);
  } catch (const runtime::Error&) { // not to be read, or gone since
    return std::nullopt;
  }
}

bool write_whole(const std::string& path, std::initializer_list<std::string_view> parts) {
  File file(std::fopen(path.c_str(), "wbx"), std::fclose);
  if (!file) return false;
  for (const std::string_view part : parts)
    if (std::fwrite(part.data(), 1, part.size(), file.get()) != part.size()) return false;
  return std::fclose(file.release()) == 0;
}

struct Entry {
  fs::path path;
  fs::file_time_type used;
  int64_t bytes;
};

} // namespace

std::string ObjectCache::key(const EmittedModule& module, const ir::Target& target) {
  runtime::Sha256 hash;
  for (const std::string& part : {pipeline_version(), cpu_name(target), feature_string(target)}) {
    hash.update(part);
    hash.update("\n");
  }
  hash.update(module.bitcode());
  return hash.finish_hex();
}

std::optional<std::string> ObjectCache::find(const std::string& key) const {
  if (!enabled()) return std::nullopt;
  std::optional<std::string> bytes = read_whole(path(key));
  if (!bytes) return std::nullopt;
  const size_t header = kMagic.size() + kHashDigits;
  const std::string_view all(*bytes);
  const bool whole = all.size() >= header && all.starts_with(kMagic) &&
                     runtime::sha256_hex(all.substr(header)) == all.substr(kMagic.size(), kHashDigits);
  std::error_code ignored;
  if (!whole) {
    fs::remove(path(key), ignored);
    return std::nullopt;
  }
  fs::last_write_time(path(key), fs::file_time_type::clock::now(), ignored);
  bytes->erase(0, header);
  return bytes;
}

void ObjectCache::store(const std::string& key, const std::string& object) const {
  if (!enabled()) return;
  static std::atomic<uint64_t> count = 0; // tells this process's temporary files apart
  std::error_code failed;
  fs::create_directories(directory_, failed);
  const std::string temporary =
      directory_ + "/" + std::string(kTemporary) + std::to_string(getpid()) + "-" + std::to_string(count++);
  if (write_whole(temporary, {kMagic, runtime::sha256_hex(object), object})) fs::rename(temporary, path(key), failed);
  fs::remove(temporary, failed); // what was not renamed
}

void ObjectCache::trim() const {
  if (!enabled()) return;
  std::error_code failed;
  std::vector<Entry> entries;
  int64_t total = 0;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator at(directory_, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code vanished; // another process trims too
    const Entry entry{at->path(), at->last_write_time(vanished), static_cast<int64_t>(at->file_size(vanished))};
    if (vanished) continue;
    if (entry.path.filename().string().starts_with(kTemporary)) {
      if (now - entry.used > kAbandoned) fs::remove(entry.path, vanished);
    } else if (entry.path.extension() == ".o") {
      total += entry.bytes;
      entries.push_back(entry);
    }
  }
  if (total <= max_bytes_) return;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& entry : entries) {
    if (total <= max_bytes_ / 4 * 3) break;
    std::error_code vanished;
    fs::remove(entry.path, vanished);
    total -= entry.bytes;
  }
}

} // namespace kiln::codegen
