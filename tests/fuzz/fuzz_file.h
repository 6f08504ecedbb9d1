// What the fuzz targets share: bytes as a file with a name, and the one way in which reading it may fail.
#pragma once

#include "runtime/error.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace kiln::fuzz {

// In memory; gone with the object.
class FuzzFile {
public:
  FuzzFile(const uint8_t* data, size_t size) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (descriptor_ < 0 || write(descriptor_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  ~FuzzFile() { close(descriptor_); }
  FuzzFile(const FuzzFile&) = delete;
  FuzzFile& operator=(const FuzzFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

private:
  int descriptor_;
};

// Anything but success or a data error that begins with the file's name is a finding.
template <class Read> void expect_data_error_at_worst(const std::string& name, Read&& read) {
  try {
    read();
  } catch (const runtime::Error& error) {
    if (error.kind == runtime::ErrorKind::data && error.message.find(name) != std::string::npos) return;
    std::fprintf(stderr, "unexpected error: %s\n", error.what());
    std::abort();
  }
}

} // namespace kiln::fuzz
