// SHA-256 (FIPS 180-4), fed in pieces: hashes of weights, plans and checkpoint payloads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::runtime {

class Sha256 {
public:
  using Digest = std::array<uint8_t, 32>;

  void update(const void* data, size_t bytes);
  void update(std::string_view text) { update(text.data(), text.size()); }

  // The digest of everything fed so far. The object must not be fed afterwards.
  Digest finish();
  // The same in 64 lower-case hex digits.
  std::string finish_hex();

private:
  void compress(const uint8_t* block);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending_{};
  uint64_t total_bytes_ = 0;
};

std::string to_hex(const Sha256::Digest& digest);
std::string sha256_hex(std::string_view text);

} // namespace kiln::runtime
