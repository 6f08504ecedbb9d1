// Which files a folder or a list names, of which classes; and how samples are divided.
#include "runtime/folder_reader.h"
#include "runtime/list_reader.h"
#include "runtime/split_samples.h"
#include "tests/runtime/data_problem.h"
#include "tests/runtime/temporary_directory.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace kiln::runtime {
namespace {

using testing::data_problem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using testing::write_bytes;
using Strings = std::vector<std::string>;

class Folder : public ::testing::Test {
protected:
  void add(const std::string& name, const std::string& content = "x") {
    const std::string path = temporary.file(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    write_bytes(path, content);
  }
  Strings relative(const Strings& paths) const {
    Strings names;
    for (const std::string& path : paths) names.push_back(path.substr(temporary.path().size() + 1));
    return names;
  }

  TemporaryDirectory temporary;
  std::vector<DataProblem> problems;
};

TEST_F(Folder, HasADirectoryForEachClass) {
  add("dog/b.jpg");
  add("dog/a.PNG");
  add("dog/deep/er/c.ppm");
  add("cat/1.jpeg");
  add("cat/.hidden.jpg");
  add("cat/notes.txt");
  add(".git/x.jpg");
  add("loose.jpg");
  const Strings classes = read_class_names(temporary.path());
  EXPECT_EQ(classes, (Strings{"cat", "dog"}));
  const FileListing listing = read_image_folder(temporary.path(), classes, problems);
  EXPECT_EQ(relative(listing.paths), (Strings{"cat/1.jpeg", "dog/a.PNG", "dog/b.jpg", "dog/deep/er/c.ppm"}));
  EXPECT_THAT(listing.labels, ElementsAre(0, 1, 1, 1));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_TRUE(problems[0].is_warning);
  EXPECT_THAT(problems[0].message, HasSubstr("1 file is passed over"));
  EXPECT_THAT(problems[0].message, HasSubstr("cat/notes.txt"));
}

TEST_F(Folder, KeepsTheOrderThatClassNamesState) {
  add("dog/a.jpg");
  add("cat/a.jpg");
  const FileListing listing = read_image_folder(temporary.path(), {"dog", "cat"}, problems);
  EXPECT_EQ(relative(listing.paths), (Strings{"dog/a.jpg", "cat/a.jpg"}));
  EXPECT_THAT(listing.labels, ElementsAre(0, 1));
  EXPECT_TRUE(problems.empty());
}

TEST_F(Folder, NamesClassesThatAreMissingEmptyOrUnknown) {
  add("cat/a.jpg");
  add("ox/a.jpg");
  add("dog/readme");
  read_image_folder(temporary.path(), {"ant", "cat", "dog"}, problems);
  ASSERT_EQ(problems.size(), 4u);
  EXPECT_FALSE(problems[0].is_warning);
  EXPECT_EQ(problems[0].message, temporary.file("ox") + ": no class has this name");
  EXPECT_EQ(problems[1].message, temporary.file("ant") + ": the directory of a class is missing");
  EXPECT_EQ(problems[2].message, temporary.file("dog") + ": no images in the directory of a class");
}

TEST_F(Folder, FollowsLinksButNotInCircles) {
  add("real/a.jpg");
  add("cat/b.jpg");
  ASSERT_EQ(symlink("../real", temporary.file("cat/more").c_str()), 0);
  EXPECT_EQ(read_image_folder(temporary.path(), {"cat", "real"}, problems).paths.size(), 3u);
  ASSERT_EQ(symlink("..", temporary.file("cat/up").c_str()), 0);
  EXPECT_THAT(data_problem([&] {
                read_image_folder(temporary.path(), {"cat", "real"}, problems);
              }),
              HasSubstr("directories nest deeper than 32"));
}

TEST_F(Folder, MustExistAndHoldDirectories) {
  EXPECT_THAT(data_problem([&] { read_class_names(temporary.file("no")); }), HasSubstr("No such file or directory"));
  EXPECT_THAT(data_problem([&] { read_class_names(temporary.path()); }),
              HasSubstr("no directories: expected one for each class"));
}

using Rows = std::vector<Strings>;

TEST(Csv, ReadsQuotedFields) {
  std::vector<int64_t> lines;
  EXPECT_EQ(parse_csv("a,b\r\n\"c,1\",\"say \"\"hi\"\"\"\n\n\"two\nlines\",\n,x", "f", lines),
            (Rows{{"a", "b"}, {"c,1", "say \"hi\""}, {"two\nlines", ""}, {"", "x"}}));
  EXPECT_THAT(lines, ElementsAre(1, 2, 4, 6));
  EXPECT_EQ(data_problem([&] { parse_csv("a,b\n\"c", "f", lines); }), "f:2: a quoted field does not end");
  EXPECT_EQ(data_problem([&] { parse_csv("a,\"b\"c\n", "f", lines); }), "f:1: text after a quoted field");
}

class List : public ::testing::Test {
protected:
  std::vector<ListLine> read(const std::string& content, const ListOptions& options = {}) {
    write_bytes(file, content);
    return read_list(file, options);
  }

  TemporaryDirectory temporary;
  std::string file = temporary.file("list.csv");
};

TEST_F(List, ReadsCsv) {
  const std::vector<ListLine> lines =
      read("\xef\xbb\xbfname,class\n\"a,1.jpg\",3\n/abs/b.png,0\n", {.has_header = true});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].path, temporary.file("a,1.jpg"));
  EXPECT_EQ(lines[0].label, "3");
  EXPECT_EQ(lines[1].path, "/abs/b.png");
  EXPECT_TRUE(find_class_names(lines, file).empty());
  const FileListing listing = label_list(lines, file, {});
  EXPECT_THAT(listing.labels, ElementsAre(3, 0));
}

TEST_F(List, SplitsAtTheLastBlank) {
  const std::vector<ListLine> lines =
      read("my file.jpg  7\r\n\n sub/b.jpg\t12\n", {.format = ListFormat::blank, .root = "/data"});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].path, "/data/my file.jpg");
  EXPECT_EQ(lines[0].label, "7");
  EXPECT_EQ(lines[1].label, "12");
  EXPECT_EQ(lines[1].line, 3);
}

TEST_F(List, LabelsMayBeNames) {
  std::vector<ListLine> lines = read("a,dog\nb,cat\nc,dog\n");
  const Strings classes = find_class_names(lines, file);
  EXPECT_EQ(classes, (Strings{"cat", "dog"}));
  EXPECT_THAT(label_list(lines, file, classes).labels, ElementsAre(1, 0, 1));
  EXPECT_THAT(label_list(lines, file, {"dog", "cat"}).labels, ElementsAre(0, 1, 0));
  EXPECT_THAT(data_problem([&] { label_list(lines, file, {"cat"}); }),
              HasSubstr("list.csv:1: the label \"dog\" is neither a class's name nor its number"));
}

TEST_F(List, NamesTheLineThatIsWrong) {
  EXPECT_THAT(data_problem([&] { read("a,1\nb\n"); }),
              HasSubstr("list.csv:2: expected 2 fields, path and label, got 1"));
  EXPECT_THAT(data_problem([&] { read("a,1\nb,\n"); }), HasSubstr("list.csv:2: an empty label"));
  EXPECT_THAT(data_problem([&] { read(",1\n"); }), HasSubstr("list.csv:1: an empty path"));
  EXPECT_THAT(data_problem([&] { read("\n\n"); }), HasSubstr("the list is empty"));
  EXPECT_THAT(data_problem([&] { read("alone\n", {.format = ListFormat::blank}); }),
              HasSubstr("list.csv:1: expected a path, a blank and a label, got \"alone\""));
  EXPECT_THAT(data_problem([&] { find_class_names(read("path,label\na,1\nb,2\n"), file); }),
              HasSubstr("list.csv:1: the label \"label\" is no number, all others are: is this line a header"));
  EXPECT_THAT(data_problem([&] { label_list(read("a,-1\n"), file, {}); }), HasSubstr("list.csv:1: the label \"-1\""));
}

TEST(SplitSamples, TakesTheSameShareOfEachClass) {
  std::vector<int32_t> labels;
  for (int32_t sample = 0; sample < 1000; ++sample) labels.push_back(sample % 10 == 0 ? 1 : 0);
  const auto parts = split_samples(labels, {.validation = 0.1, .test = 0.2});
  auto of_class = [&](Split split, int32_t label) {
    return std::count_if(parts[split].begin(), parts[split].end(),
                         [&](int64_t sample) { return labels[static_cast<size_t>(sample)] == label; });
  };
  EXPECT_EQ(of_class(Split::test, 0), 180);
  EXPECT_EQ(of_class(Split::test, 1), 20);
  EXPECT_EQ(of_class(Split::validation, 0), 90);
  EXPECT_EQ(of_class(Split::validation, 1), 10);
  std::vector<int64_t> all;
  for (Split split : all_splits) {
    EXPECT_TRUE(std::is_sorted(parts[split].begin(), parts[split].end()));
    all.insert(all.end(), parts[split].begin(), parts[split].end());
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), 1000u);
  for (int64_t sample = 0; sample < 1000; ++sample) ASSERT_EQ(all[static_cast<size_t>(sample)], sample);
}

TEST(SplitSamples, IsAFunctionOfItsSeedAlone) {
  std::vector<int32_t> labels(100, 0), more(150, 0);
  std::fill(more.begin() + 100, more.end(), 1);
  const auto parts = split_samples(labels, {.test = 0.3});
  EXPECT_EQ(split_samples(labels, {.test = 0.3}).values, parts.values);
  EXPECT_NE(split_samples(labels, {.test = 0.3, .seed = 2}).values, parts.values);
  std::vector<int64_t> first_class = split_samples(more, {.test = 0.3})[Split::test];
  std::erase_if(first_class, [](int64_t sample) { return sample >= 100; });
  EXPECT_EQ(first_class, parts[Split::test]) << "whatever other classes there are";
}

TEST(SplitSamples, SmallClassesAreInEveryPart) {
  const auto parts = split_samples(std::vector<int32_t>{5, 5, 5}, {.validation = 0.01, .test = 0.01});
  for (Split split : all_splits) EXPECT_EQ(parts[split].size(), 1u);
  EXPECT_EQ(split_samples(std::vector<int32_t>{5}, {.test = 0.1})[Split::train].size(), 1u);
}

} // namespace
} // namespace kiln::runtime
