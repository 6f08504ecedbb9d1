// Files by POSIX calls with errors that name file and reason: whole reads, positioned reads, appends, atomic
// replacement. Reading problems are data errors, writing problems (full disk, read-only directory) runtime errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::runtime {

// "cannot open DIR/FILE: No such file or directory", from errno.
std::string system_problem(std::string_view what, std::string_view path, int error_number);

bool file_exists(const std::string& path);
std::string read_text_file(const std::string& path);
// Makes the directory and what is missing above it.
void make_directories(const std::string& path);
// Makes names created, renamed or removed in the directory durable.
void sync_directory(const std::string& path);
// The part before the last '/', or ".".
std::string parent_directory(const std::string& path);
std::string join_path(std::string_view directory, std::string_view name);
// Replaces the file by `text`, atomically and durably.
void write_text_file(const std::string& path, std::string_view text);

// Reads at stated offsets; the file may be larger than memory.
class InputFile {
public:
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }
  // All of it, or a data error that says the file is truncated.
  void read_at(uint64_t offset, void* out, size_t bytes) const;

private:
  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// Writes beside `path` and takes its place on commit, so that `path` is always either the old or the new file, whole.
// Without commit nothing remains but the old file.
class AtomicFile {
public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  // Flushes to the disk. commit does it too; before, it lets the caller rename the old file away in time.
  void flush();
  void commit();

private:
  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

// Appends through a buffer of its own; `append` allocates nothing.
class AppendFile {
public:
  AppendFile(std::string path, size_t buffer_bytes);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  void append(std::string_view text);
  // To the kernel: seen by who reads the file, survives a kill.
  void flush();
  // To the disk: survives a crash of the machine.
  void sync();

private:
  std::string path_;
  std::string buffer_;
  size_t capacity_;
  int descriptor_ = -1;
};

} // namespace kiln::runtime
