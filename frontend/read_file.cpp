// A whole file in memory.
// By stdio, since streams hide why a file cannot be read.
#include "frontend/read_file.h"

#include <cstdio>
#include <memory>

namespace kiln::frontend {

std::optional<std::string> read_file(const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) return std::nullopt;
  std::string bytes;
  char block[1 << 16];
  while (size_t got = std::fread(block, 1, sizeof block, file.get())) bytes.append(block, got);
  if (std::ferror(file.get()) != 0) return std::nullopt;
  return bytes;
}

} // namespace kiln::frontend
