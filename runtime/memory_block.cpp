// mmap, and guard pages.
#include "runtime/memory_block.h"

#include "runtime/abi.h"
#include "runtime/error.h"

#include <cstring>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace kiln::runtime {

namespace {

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

char* map(int64_t bytes, int protection) {
  void* mapping = mmap(nullptr, static_cast<size_t>(bytes), protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) {
    throw Error(ErrorKind::memory, "the system refuses " + std::to_string(bytes >> 20) + " MiB of memory");
  }
  return static_cast<char*>(mapping);
}

} // namespace

MemoryBlock MemoryBlock::allocate(int64_t bytes) {
  MemoryBlock block;
  block.bytes_ = round_up(bytes > 0 ? bytes : 1, KILN_BUFFER_ALIGNMENT);
  const int64_t mapped = round_up(block.bytes_, sysconf(_SC_PAGESIZE));
  block.mapping_ = map(mapped, PROT_READ | PROT_WRITE);
  block.mapping_bytes_ = static_cast<size_t>(mapped);
  block.data_ = block.mapping_;
  // Large pages where the system has them: fewer TLB misses in big strided walks. Advice only; failure is no error.
  if (mapped >= 2 << 20) (void)madvise(block.mapping_, block.mapping_bytes_, MADV_HUGEPAGE);
  return block;
}

MemoryBlock MemoryBlock::allocate_guarded(int64_t bytes) {
  MemoryBlock block;
  block.bytes_ = round_up(bytes > 0 ? bytes : 1, KILN_BUFFER_ALIGNMENT);
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t inner = round_up(block.bytes_, page);
  block.mapping_ = map(inner + 2 * page, PROT_NONE);
  block.mapping_bytes_ = static_cast<size_t>(inner + 2 * page);
  block.data_ = block.mapping_ + page + inner - block.bytes_;
  block.guarded_ = true;
  block.accessible_ = false;
  block.set_accessible(true);
  return block;
}

MemoryBlock::MemoryBlock(MemoryBlock&& other) noexcept { swap(other); }

MemoryBlock& MemoryBlock::operator=(MemoryBlock&& other) noexcept {
  swap(other);
  return *this;
}

MemoryBlock::~MemoryBlock() {
  if (mapping_) munmap(mapping_, mapping_bytes_);
}

void MemoryBlock::swap(MemoryBlock& other) noexcept {
  std::swap(mapping_, other.mapping_);
  std::swap(mapping_bytes_, other.mapping_bytes_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(guarded_, other.guarded_);
  std::swap(accessible_, other.accessible_);
}

void MemoryBlock::poison() {
  if (data_) std::memset(data_, 0xFF, static_cast<size_t>(bytes_));
}

void MemoryBlock::set_accessible(bool on) {
  if (!guarded_ || on == accessible_) return;
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  if (mprotect(mapping_ + page, mapping_bytes_ - 2 * page, on ? PROT_READ | PROT_WRITE : PROT_NONE) != 0) {
    throw Error(ErrorKind::memory, "mprotect failed: too many memory mappings for the debug arena");
  }
  accessible_ = on;
}

void MemoryBlock::forbid(int64_t offset, int64_t bytes) {
  if (mprotect(data_ + offset, static_cast<size_t>(bytes), PROT_NONE) != 0) {
    throw Error(ErrorKind::memory, "mprotect failed: too many memory mappings for the debug arena");
  }
}

} // namespace kiln::runtime
