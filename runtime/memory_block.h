// One page-aligned allocation straight from the system, optionally between two guard pages.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kiln::runtime {

class MemoryBlock {
public:
  MemoryBlock() = default;
  // Zeroed memory. Throws Error (memory) if the system has none.
  static MemoryBlock allocate(int64_t bytes);
  // Zeroed memory whose end, at KILN_BUFFER_ALIGNMENT granularity, touches an inaccessible page; another lies before.
  static MemoryBlock allocate_guarded(int64_t bytes);

  MemoryBlock(MemoryBlock&& other) noexcept;
  MemoryBlock& operator=(MemoryBlock&& other) noexcept;
  ~MemoryBlock();

  char* data() const { return data_; }
  int64_t bytes() const { return bytes_; } // rounded up to KILN_BUFFER_ALIGNMENT
  // What was taken from the system.
  int64_t mapped_bytes() const { return static_cast<int64_t>(mapping_bytes_); }
  explicit operator bool() const { return data_ != nullptr; }

  // Every byte 0xFF: a NaN in f32.
  void poison();
  // While off, any access to a guarded block faults; other blocks ignore it.
  void set_accessible(bool on);
  // Makes whole pages inside the block inaccessible for good.
  void forbid(int64_t offset, int64_t bytes);

private:
  void swap(MemoryBlock& other) noexcept;

  char* mapping_ = nullptr;
  size_t mapping_bytes_ = 0;
  char* data_ = nullptr;
  int64_t bytes_ = 0;
  bool guarded_ = false;
  bool accessible_ = true;
};

} // namespace kiln::runtime
