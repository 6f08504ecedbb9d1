// Counts calls of operator new in the whole test program. Not to be inlined: the compiler would see malloc's memory
// handed to operator delete, and warn.
#include "tests/runtime/allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <string>

static std::atomic<int64_t> allocations{0};

[[gnu::noinline]] void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = malloc(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { free(memory); }

namespace kiln::runtime::testing {

int64_t allocation_count() { return allocations; }

TEST(AllocationCount, Counts) {
  int64_t before = allocation_count();
  auto text = std::make_unique<std::string>(1000, 'x');
  EXPECT_EQ(allocation_count() - before, 2);
}

} // namespace kiln::runtime::testing
