// Runs a fuzz target over the files of a corpus, where it was not built with libFuzzer: fuzz_X DIR_OR_FILE...
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  // What the corpus was grown from is replayed too: cut short, and with a byte wrong.
  for (size_t part = 1; part < 8; ++part)
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size() * part / 8);
  for (size_t at = 0; at < text.size(); at += text.size() / 16 + 1) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(damaged.data()), damaged.size());
  }
}

} // namespace

int main(int argc, char** argv) {
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      replay(argv[i]);
      ++files;
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      replay(entry.path());
      ++files;
    }
  }
  std::printf("%d files replayed\n", files);
  return files == 0 ? 1 : 0; // an empty corpus tests nothing
}
