// JSON written and read: escapes, numbers, nesting, and what the strict reader refuses.
#include "runtime/json_reader.h"
#include "runtime/json_writer.h"

#include <cmath>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

TEST(JsonWriter, WritesNestedValues) {
  JsonWriter json;
  json.begin_object().member("a", 1).key("b").begin_array().value(1.5).value(0.1f).value(true).null().end_array();
  json.key("c").begin_object().end_object().member("d", "x\"\\\n\x01").member("e", std::nan("")).end_object();
  EXPECT_EQ(json.text(), R"({"a":1,"b":[1.5,0.1,true,null],"c":{},"d":"x\"\\\n\u0001","e":null})");
}

TEST(JsonWriter, ReplacesWhatIsNoUtf8) {
  std::string text;
  append_json_string(text, "gr\xc3\xbc\xc3\x9f \xff \xc3");
  EXPECT_EQ(text, "\"gr\xc3\xbc\xc3\x9f \xef\xbf\xbd \xef\xbf\xbd\"");
}

TEST(JsonReader, ReadsWhatTheWriterWrites) {
  JsonWriter json;
  json.begin_object().member("name", "tab\t \xf0\x9f\x94\xa5 quote\"").member("n", uint64_t{18446744073709551615u});
  json.key("list").begin_array().value(-2).value("s").end_array().end_object();
  JsonValue value;
  std::string problem;
  ASSERT_TRUE(parse_json(json.text(), value, problem)) << problem;
  EXPECT_EQ(value.find("name")->text, "tab\t \xf0\x9f\x94\xa5 quote\"");
  uint64_t number;
  EXPECT_TRUE(value.find("n")->as_unsigned(number));
  EXPECT_EQ(number, 18446744073709551615u);
  EXPECT_FALSE(value.find("list")->elements[0].as_unsigned(number));
  EXPECT_EQ(value.find("list")->elements[0].text, "-2");
  EXPECT_EQ(value.find("missing"), nullptr);
}

TEST(JsonReader, DecodesEscapes) {
  JsonValue value;
  std::string problem;
  ASSERT_TRUE(parse_json(R"( "\u00e4\ud83d\udd25\/\b" )", value, problem)) << problem;
  EXPECT_EQ(value.text, "\xc3\xa4\xf0\x9f\x94\xa5/\b");
}

TEST(JsonReader, RefusesEverythingElse) {
  std::string deep(100, '[');
  for (const std::string& text : {std::string(),
                                  std::string("{"),
                                  std::string("[1,]"),
                                  std::string("{\"a\":1,}"),
                                  std::string("{\"a\" 1}"),
                                  std::string("01"),
                                  std::string("1."),
                                  std::string("-"),
                                  std::string("1e"),
                                  std::string("+1"),
                                  std::string("nan"),
                                  std::string("tru"),
                                  std::string("\"a"),
                                  std::string("\"\\x\""),
                                  std::string("\"\\u12g4\""),
                                  std::string("\"\\ud800\""),
                                  std::string("\"\\udc00\""),
                                  std::string("\"\n\""),
                                  std::string("\"\xff\""),
                                  std::string("1 2"),
                                  std::string("{\"a\":1,\"a\":2}"),
                                  std::string("{a:1}"),
                                  std::string("\"a\\"),
                                  deep}) {
    JsonValue value;
    std::string problem;
    EXPECT_FALSE(parse_json(text, value, problem)) << text;
    EXPECT_NE(problem.find("at byte"), std::string::npos) << text;
  }
}

} // namespace
} // namespace kiln::runtime
