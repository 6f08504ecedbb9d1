// Counts calls of operator new in the whole test program; in a file of its own, where no call can be inlined.
#include "tests/runtime/allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <string>

static std::atomic<int64_t> allocations{0};

void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }

namespace kiln::runtime::testing {

int64_t allocation_count() { return allocations; }

TEST(AllocationCount, Counts) {
  int64_t before = allocation_count();
  auto text = std::make_unique<std::string>(1000, 'x');
  EXPECT_EQ(allocation_count() - before, 2);
}

} // namespace kiln::runtime::testing
