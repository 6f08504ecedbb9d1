// An inference binary: classifies images with the network and the weights it was built with.
#include "products/choose_product.h"
#include "products/classify.h"
#include "products/command_line.h"
#include "products/info.h"
#include "products/known_states.h"
#include "products/product_data.h"
#include "products/report_predictions.h"
#include "products/run_product.h"
#include "runtime/cpu.h"
#include "runtime/derived_sources.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/idx_reader.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace kiln::products {
namespace {

using runtime::Error;
using runtime::ErrorKind;
using runtime::format_integer;

constexpr Flag kFlags[] = {
    {"--top", "N", "classes to show for each image; default 3"},
    {"--json", "", "print the result as JSON"},
    {"--idx", "FILE", "classify all images of an IDX file, which may be gzipped"},
    {"--raw", "", "read images as bytes (height x width x channels) on stdin, write float32 probabilities to stdout"},
    {"--raw-float", "", "the same of images as float32 from 0 to 255, rounded to bytes"},
    {"--weights-file", "FILE", "its weights where they are not inside; default: its own name + .safetensors"},
    {"--threads", "N", "threads in all; default: the CPUs this process may use"},
    {"--bench", "", "measure how fast it is"},
    {"--selftest", "", "compare with what it gave when it was built, on an image of noise"},
    {"--cpu", "LEVEL", "which code to run, of those inside; default: the best for this CPU"},
    {"--info", "", "what this is: network, plan, memory"},
    {"--licences", "", "of the libraries inside"},
    {"--version", "", "the version of Kiln that built this"},
    {"--help", "", "this text"},
};

constexpr std::string_view kExitCodes =
    "Exit codes: 0 ok, 1 failed while running, 2 wrong usage, 4 an image could not be read (the others are\n"
    "classified), 6 the self test failed, 7 out of memory, 8 not supported here.\n";

// "12.345": of nanoseconds, in milliseconds.
std::string milliseconds(int64_t nanoseconds) {
  const std::string fraction = format_integer(nanoseconds / 1000 % 1000);
  return format_integer(nanoseconds / 1000000) + "." + std::string(3 - fraction.size(), '0') + fraction;
}

class Inference {
public:
  Inference(std::span<const kiln_product> products, int argc, const char* const* argv)
      : path_(argv[0] != nullptr ? argv[0] : ""), program_name_(program_name(argv)), words_(kFlags, argc, argv),
        product_(choose_product(products, words_.text("--cpu"))) {}

  int run() {
    if (words_.has("--help")) return tell(help());
    if (words_.has("--version")) return tell(std::string("kiln ") + product_.kiln_version + "\n");
    if (words_.has("--licences")) return tell(licence_text(product_));
    if (words_.has("--info")) return tell(words_.has("--json") ? info_json(product_) : info_text(product_));
    check_modes();
    const auto threads = static_cast<int>(words_.count("--threads", 1, runtime::available_cpus()));
    runtime::Instance instance(*product_.program, {.threads = threads});
    load_weights(instance);
    Classifier classifier(instance);
    if (words_.has("--raw")) return run_raw<uint8_t>(classifier);
    if (words_.has("--raw-float")) return run_raw<float>(classifier);
    if (words_.has("--bench")) return run_bench(classifier, threads);
    if (words_.has("--selftest")) return run_selftest(classifier);
    return words_.has("--idx") ? classify_idx(classifier) : classify_files(classifier);
  }

private:
  static int tell(std::string_view text) {
    print(text);
    return 0;
  }
  std::string help() const {
    return std::string("Classifies images with the network \"") + product_.program->name +
           "\".\n\nUsage: " + program_name_ + " FILE|DIR... [OPTIONS]\n\n" + help_text(kFlags) +
           "\nImages are JPEG, PNG, PPM or PGM of any size.\n" + std::string(kExitCodes);
  }

  void check_modes() const {
    int modes = words_.words().empty() ? 0 : 1;
    for (std::string_view mode : {"--idx", "--raw", "--raw-float", "--bench", "--selftest"})
      modes += words_.has(mode) ? 1 : 0;
    if (modes == 0) throw Error(ErrorKind::usage, "which images? " + program_name_ + " FILE|DIR...; --help says more");
    if (modes > 1)
      throw Error(ErrorKind::usage, "only one of files, --idx, --raw, --raw-float, --bench and --selftest at a time");
  }

  void load_weights(runtime::Instance& instance) const {
    if (words_.has("--weights-file")) return read_known_states(product_, words_.text("--weights-file"), instance);
    if (holds_weights(product_)) return write_known_states(product_, instance);
    const std::string beside = path_ + ".safetensors";
    if (!runtime::file_exists(beside))
      throw Error(ErrorKind::data, "no weights: " + beside + " does not exist; --weights-file says where they are");
    read_known_states(product_, beside, instance);
  }

  PredictionReport start_report() const {
    return {*product_.program, program_name_, words_.count("--top", 1, 3), words_.has("--json")};
  }

  int classify_files(Classifier& classifier) const {
    return report_files(start_report(), classifier, words_.words(), fit_rule(product_.data->fit),
                        describe_background());
  }

  int classify_idx(Classifier& classifier) const {
    const std::string file = words_.text("--idx");
    runtime::IdxImages images = runtime::read_idx_images(file);
    const runtime::ImageShape shape{images.height, images.width, images.channels};
    std::vector<int32_t> no_labels(static_cast<size_t>(images.count));
    std::shared_ptr<const runtime::DataSource> source =
        std::make_shared<runtime::MemorySource>(shape, std::move(images.pixels), std::move(no_labels), file, file);
    if (shape != classifier.shape()) {
      runtime::FitRule fit = fit_rule(product_.data->fit);
      fit.target = classifier.shape();
      source = std::make_shared<runtime::FittedSource>(std::move(source), fit);
    }
    PredictionReport report = start_report();
    classifier.run(*source, [&](size_t sample, const std::string& problem, std::span<const float> output) {
      report.add(file + "#" + format_integer(static_cast<int64_t>(sample)), problem, output);
    });
    return report.finish();
  }

  std::array<uint8_t, 3> describe_background() const {
    std::array<uint8_t, 3> background{};
    std::copy(std::begin(product_.data->background), std::end(product_.data->background), background.begin());
    return background;
  }

  // Whole images until the end of input; a rest is an error.
  template <class Element> int run_raw(Classifier& classifier) const {
    const auto values = static_cast<size_t>(classifier.shape().bytes());
    const size_t bytes = values * sizeof(Element);
    std::vector<Element> read(values * static_cast<size_t>(classifier.max_batch()));
    std::vector<uint8_t> images(read.size());
    for (int64_t done = 0;;) {
      const size_t count = std::fread(read.data(), 1, read.size() * sizeof(Element), stdin);
      if (std::ferror(stdin) != 0)
        throw Error(ErrorKind::data, std::string("cannot read from stdin: ") + std::strerror(errno));
      const size_t whole = count / bytes;
      for (size_t image = 0; image < whole; ++image)
        to_bytes(std::span(read).subspan(image * values, values), images.data() + image * values,
                 done + static_cast<int64_t>(image));
      done += static_cast<int64_t>(whole);
      classifier.run(images.data(), static_cast<int64_t>(whole), [&](int64_t, std::span<const float> output) {
        std::fwrite(output.data(), sizeof(float), output.size(), stdout);
      });
      if (count % bytes != 0)
        throw Error(ErrorKind::data, "stdin ends within an image: " + format_integer(static_cast<int64_t>(bytes)) +
                                         " bytes each, " + format_integer(static_cast<int64_t>(count % bytes)) +
                                         " left over");
      if (whole * values < read.size()) return 0;
    }
  }

  static void to_bytes(std::span<const uint8_t> values, uint8_t* image, int64_t) {
    std::copy(values.begin(), values.end(), image);
  }

  // What was scaled to 0 ... 1 would be black throughout, so it is refused rather than rounded.
  static void to_bytes(std::span<const float> values, uint8_t* image, int64_t number) {
    bool has_fraction_of_one = false, has_more = false;
    for (size_t i = 0; i < values.size(); ++i) {
      const float value = values[i];
      if (!(value >= 0 && value <= 255)) {
        char text[32];
        std::snprintf(text, sizeof text, "%.9g", double{value});
        throw Error(ErrorKind::data, "stdin, image " + format_integer(number) + ": value " +
                                         format_integer(static_cast<int64_t>(i)) + " is " + text +
                                         ": expected 0 to 255");
      }
      has_fraction_of_one = has_fraction_of_one || (value > 0 && value < 1);
      has_more = has_more || value > 1;
      image[i] = static_cast<uint8_t>(std::lround(value));
    }
    if (has_fraction_of_one && !has_more)
      throw Error(ErrorKind::data,
                  "stdin, image " + format_integer(number) + ": all values are from 0 to 1: expected 0 to 255");
  }

  int run_bench(Classifier& classifier, int threads) const {
    using Clock = std::chrono::steady_clock;
    std::vector<uint8_t> images(static_cast<size_t>(classifier.shape().bytes() * classifier.max_batch()), 128);
    std::vector<int64_t> batches = {1, classifier.max_batch()};
    if (batches[1] == 1) batches.pop_back();
    for (int64_t batch : batches) {
      const auto call = [&] { classifier.run(images.data(), batch, [](int64_t, std::span<const float>) {}); };
      for (int i = 0; i < 3; ++i) call();
      std::vector<int64_t> times;
      for (int64_t spent = 0; spent < 1'000'000'000 && times.size() < 100000;) {
        const Clock::time_point start = Clock::now();
        call();
        times.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
        spent += times.back();
      }
      std::sort(times.begin(), times.end());
      const int64_t median = std::max<int64_t>(times[times.size() / 2], 1);
      print("batch " + format_integer(batch) + ": " + milliseconds(median) + " ms median, " +
            milliseconds(times.front()) + " ms best of " + format_integer(static_cast<int64_t>(times.size())) + ", " +
            format_integer(batch * 1'000'000'000 / median) + " images/s on " + format_integer(threads) + " threads\n");
    }
    return 0;
  }

  // The same kernels give the same bits on every CPU that has them.
  int run_selftest(Classifier& classifier) const {
    float largest = 0;
    classifier.run(product_.sample, 1, [&](int64_t, std::span<const float> output) {
      for (size_t i = 0; i < output.size(); ++i) {
        const float difference = output[i] - product_.sample_output[i];
        if (!(difference == 0)) largest = std::max({largest, difference, -difference, 1e-30f});
      }
    });
    if (largest == 0) return tell("self test passed\n");
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", double{largest});
    throw Error(ErrorKind::mismatch, std::string("self test failed: an output differs by ") + text +
                                         " from what it was when this was built");
  }

  std::string path_; // as it was called
  std::string program_name_;
  CommandLine words_;
  const kiln_product& product_;
};

} // namespace
} // namespace kiln::products

extern "C" int kiln_infer_main(int argc, char** argv, const kiln_product* products, int count) {
  return kiln::products::run_product(argc, argv, [&] {
    return kiln::products::Inference(std::span(products, static_cast<size_t>(count)), argc, argv).run();
  });
}
