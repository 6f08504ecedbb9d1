// The object cache: what it finds, what makes another key, and that neither damage nor concurrency does harm.
#include "codegen/object_cache.h"

#include "codegen/kernel_builder.h"
#include "codegen/program.h"
#include "ir/text.h"
#include "passes/passes.h"
#include "passes/plan_memory.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace kiln::codegen {
namespace {

namespace fs = std::filesystem;

class ObjectCacheTest : public ::testing::Test {
protected:
  ObjectCacheTest() { fs::remove_all(directory_); }
  ~ObjectCacheTest() override { fs::remove_all(directory_); }

  std::string directory() const { return directory_.string(); }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    if (fs::exists(directory_))
      for (const auto& entry : fs::directory_iterator(directory_)) found.push_back(entry.path());
    return found;
  }

private:
  const fs::path directory_ = fs::temp_directory_path() /
                              (std::string("kiln-object-cache-") + std::to_string(getpid())) /
                              ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

EmittedModule scaling_kernel(float factor, const ir::Target& target) {
  EmittedModule module("scale");
  KernelBuilder k(module, "scale", target);
  k.begin_tasks([&](Index task) {
    const Pointer x = k.operand(0);
    k.store(x, task, k.load(x, task, 1) * k.f32(factor, 1));
  });
  k.finish();
  return module;
}

TEST(ObjectCacheKey, FollowsFromContentAlone) {
  const ir::Target v3 = ir::target_for(ir::IsaLevel::v3), v4 = ir::target_for(ir::IsaLevel::v4);
  const std::string key = ObjectCache::key(scaling_kernel(2, v3), v3);
  EXPECT_EQ(ObjectCache::key(scaling_kernel(2, v3), v3), key);
  EXPECT_NE(ObjectCache::key(scaling_kernel(3, v3), v3), key);
  EXPECT_NE(ObjectCache::key(scaling_kernel(2, v3), v4), key);
}

TEST_F(ObjectCacheTest, FindsWhatWasStored) {
  const ObjectCache cache(directory());
  EXPECT_EQ(cache.find("a"), std::nullopt);
  EXPECT_TRUE(files().empty());
  const std::string object("\0bytes\n", 7);
  cache.store("a", object);
  EXPECT_EQ(cache.find("a"), object);
  EXPECT_EQ(cache.find("b"), std::nullopt);
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(ObjectCacheTest, IsOffWithoutADirectory) {
  const ObjectCache cache("");
  cache.store("a", "bytes");
  cache.trim();
  EXPECT_EQ(cache.find("a"), std::nullopt);
}

TEST_F(ObjectCacheTest, TakesDamageForAbsence) {
  const ObjectCache cache(directory());
  cache.store("a", "bytes of an object");
  const fs::path path = files().front();
  const auto size = static_cast<int64_t>(fs::file_size(path));
  for (int64_t at = 0; at < size; ++at) {
    cache.store("a", "bytes of an object");
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(at).put('\1');
    EXPECT_EQ(cache.find("a"), std::nullopt) << "byte " << at;
    EXPECT_FALSE(fs::exists(path));
    cache.store("a", "bytes of an object");
    fs::resize_file(path, static_cast<uintmax_t>(at));
    EXPECT_EQ(cache.find("a"), std::nullopt) << "cut to " << at;
  }
}

TEST_F(ObjectCacheTest, NeverFails) {
  fs::create_directories(fs::path(directory()).parent_path());
  std::ofstream(directory()) << "a file where the directory should be";
  const ObjectCache cache(directory());
  cache.store("a", "bytes");
  cache.trim();
  EXPECT_EQ(cache.find("a"), std::nullopt);
}

TEST_F(ObjectCacheTest, DropsWhatWasUsedLongestAgo) {
  const std::string object(1000, 'x');
  const ObjectCache cache(directory(), 4500);
  for (const char* key : {"a", "b", "c", "d"}) {
    cache.store(key, object);
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // files tell times apart
  }
  cache.trim();
  EXPECT_EQ(files().size(), 4U);
  ASSERT_TRUE(cache.find("a").has_value()); // now b is the oldest
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  cache.store("e", object);
  std::ofstream(fs::path(directory()) / ".tmp-1-1") << "left by an interrupted writer";
  fs::last_write_time(fs::path(directory()) / ".tmp-1-1", fs::file_time_type::clock::now() - std::chrono::hours(2));
  cache.trim(); // five entries of 1079 bytes are down to three quarters of 4500
  EXPECT_EQ(cache.find("b"), std::nullopt);
  EXPECT_EQ(cache.find("c"), std::nullopt);
  for (const char* key : {"a", "d", "e"}) EXPECT_TRUE(cache.find(key).has_value()) << key;
  EXPECT_EQ(files().size(), 3U);
}

TEST_F(ObjectCacheTest, ServesManyAtOnce) {
  const auto object_of = [](int i) {
    return std::string(static_cast<size_t>(1000 + i), static_cast<char>('a' + i % 26));
  };
  {
    std::vector<std::jthread> workers;
    for (int worker = 0; worker < 4; ++worker)
      workers.emplace_back([&] {
        const ObjectCache cache(directory(), 20000);
        for (int i = 0; i < 100; ++i) {
          cache.store(std::to_string(i % 10), object_of(i % 10));
          if (const auto found = cache.find(std::to_string(i % 7))) {
            EXPECT_EQ(*found, object_of(i % 7));
          }
          if (i % 25 == 0) cache.trim();
        }
      });
  }
  EXPECT_EQ(files().size(), 10U); // no temporary file is left
}

TEST_F(ObjectCacheTest, ASecondProgramCompilesNothing) {
  const auto module = ir::parse("func @predict(%x: f32[4,32]) {\n%y = leaky_relu(%x) {slope=0.25}\nreturn y=%y\n}");
  const passes::PassOptions options{ir::target_for(ir::IsaLevel::baseline)};
  passes::choose_kernels(*module, options);
  passes::assign_layouts(*module, options);
  const ir::Plan plan = passes::plan_memory(*module, options.target);
  CompileOptions compile;
  compile.cache_directory = directory();
  const Program first(plan, compile), second(plan, compile);
  EXPECT_EQ(first.cached_count(), 0);
  EXPECT_EQ(second.cached_count(), second.kernel_count() + 1); // the driver too
  EXPECT_EQ(second.code_bytes(), first.code_bytes());
}

} // namespace
} // namespace kiln::codegen
