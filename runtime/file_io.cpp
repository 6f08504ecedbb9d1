// Files by POSIX calls with errors that name file and reason: whole reads, positioned reads, appends, atomic
// replacement. Reading problems are data errors, writing problems (full disk, read-only directory) runtime errors.
#include "runtime/file_io.h"

#include "runtime/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kiln::runtime {
namespace {

[[noreturn]] void fail_write(std::string_view what, const std::string& path, int error_number) {
  throw Error(ErrorKind::runtime, system_problem(what, path, error_number));
}

[[noreturn]] void fail_read(std::string_view what, const std::string& path, int error_number) {
  throw Error(ErrorKind::data, system_problem(what, path, error_number));
}

void write_all(int descriptor, const std::string& path, const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    ssize_t written = ::write(descriptor, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_write("cannot write", path, errno);
    at += written;
    bytes -= static_cast<size_t>(written);
  }
}

} // namespace

std::string system_problem(std::string_view what, std::string_view path, int error_number) {
  std::string text(what);
  text += ' ';
  text += path;
  text += ": ";
  text += strerror(error_number);
  return text;
}

bool file_exists(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

std::string read_text_file(const std::string& path) {
  InputFile file(path);
  std::string text(file.size(), '\0');
  file.read_at(0, text.data(), text.size());
  return text;
}

void make_directories(const std::string& path) {
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    std::string part = path.substr(0, end);
    struct stat status;
    if (stat(part.c_str(), &status) == 0) {
      if (!S_ISDIR(status.st_mode)) fail_write("cannot make directory", part, ENOTDIR);
    } else if (mkdir(part.c_str(), 0777) != 0 && errno != EEXIST) {
      fail_write("cannot make directory", part, errno);
    }
  }
}

void sync_directory(const std::string& path) {
  int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail_write("cannot open directory", path, errno);
  int status = fsync(descriptor);
  int error_number = errno;
  close(descriptor);
  // Some file systems know no fsync of a directory; then there is nothing more to be done.
  if (status != 0 && error_number != EINVAL) fail_write("cannot flush directory", path, error_number);
}

std::string parent_directory(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path += '/';
  path += name;
  return path;
}

void write_text_file(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  // A pipe without a writer would keep us waiting before fstat can tell that it is none.
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail_read("cannot open", path_, errno);
  struct stat status;
  int problem = fstat(descriptor_, &status) != 0 ? errno : S_ISDIR(status.st_mode) ? EISDIR : 0;
  if (problem == 0 && !S_ISREG(status.st_mode)) problem = EINVAL;
  if (problem != 0) {
    close(descriptor_);
    fail_read("cannot read", path_, problem);
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

InputFile::~InputFile() { close(descriptor_); }

void InputFile::read_at(uint64_t offset, void* out, size_t bytes) const {
  char* at = static_cast<char*>(out);
  while (bytes > 0) {
    ssize_t got = pread(descriptor_, at, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_read("cannot read", path_, errno);
    if (got == 0) throw Error(ErrorKind::data, path_ + ": truncated");
    at += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<size_t>(got);
  }
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".tmp") {
  descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail_write("cannot create", temporary_, errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t bytes) { write_all(descriptor_, temporary_, data, bytes); }

void AtomicFile::flush() {
  if (fsync(descriptor_) != 0) fail_write("cannot flush", temporary_, errno);
}

void AtomicFile::commit() {
  flush();
  if (rename(temporary_.c_str(), path_.c_str()) != 0) fail_write("cannot rename to", path_, errno);
  close(descriptor_);
  descriptor_ = -1;
  sync_directory(parent_directory(path_));
}

AppendFile::AppendFile(std::string path, size_t buffer_bytes) : path_(std::move(path)), capacity_(buffer_bytes) {
  buffer_.reserve(capacity_);
  descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail_write("cannot open for writing", path_, errno);
}

AppendFile::~AppendFile() {
  // Reached with something unwritten only while another error is on its way: nobody is left to be told of a second.
  try {
    flush();
  } catch (const Error&) {
  }
  close(descriptor_);
}

void AppendFile::append(std::string_view text) {
  if (buffer_.size() + text.size() > capacity_) flush();
  if (text.size() > capacity_) {
    write_all(descriptor_, path_, text.data(), text.size());
  } else {
    buffer_.append(text);
  }
}

void AppendFile::flush() {
  if (buffer_.empty()) return;
  try {
    write_all(descriptor_, path_, buffer_.data(), buffer_.size());
  } catch (...) {
    // Rows that failed once are given up, so that the destructor does not write half of them again.
    buffer_.clear();
    throw;
  }
  buffer_.clear();
}

void AppendFile::sync() {
  flush();
  // A pipe or a terminal cannot be flushed to a disk.
  if (fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) fail_write("cannot flush", path_, errno);
}

} // namespace kiln::runtime
