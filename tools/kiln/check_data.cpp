// kiln check: labels; with --data reads every sample, and shows what is wrong with which.
#include "check_data.h"

#include "compile_experiment.h"
#include "frontend/describe_data.h"
#include "report.h"
#include "runtime/check_files.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

namespace kiln::tools {

namespace {

constexpr size_t kShownOfAKind = 20;

// Redrawn in place on a terminal, else every tenth of the way.
class ScanProgress {
public:
  explicit ScanProgress(const Options& options)
      : shows_(options.verbosity >= 0 && options.progress != runtime::ProgressMode::none),
        draws_(options.progress == runtime::ProgressMode::bar ||
               (options.progress == runtime::ProgressMode::automatic && isatty(STDERR_FILENO) == 1)) {}
  ~ScanProgress() {
    if (drawn_) fmt::print(stderr, "\r\x1b[K");
  }
  ScanProgress(const ScanProgress&) = delete;
  ScanProgress& operator=(const ScanProgress&) = delete;

  void show(int64_t done, int64_t all) {
    const int64_t parts = draws_ ? 100 : 10;
    const int64_t part = done * parts / all;
    if (!shows_ || part == shown_) return;
    shown_ = part;
    if (draws_) {
      constexpr int64_t width = 20;
      const auto filled = static_cast<size_t>(done * width / all);
      fmt::print(stderr, "\rreading data [{}{}] {}/{}", std::string(filled, '#'), std::string(width - filled, '.'),
                 done, all);
      std::fflush(stderr);
      drawn_ = true;
    } else {
      fmt::print(stderr, "reading data: {} of {}\n", done, all);
    }
  }

private:
  bool shows_;
  bool draws_;
  bool drawn_ = false;
  int64_t shown_ = 0;
};

std::string_view name_of(runtime::FindingKind kind) {
  switch (kind) {
  case runtime::FindingKind::unreadable:
    return "unreadable";
  case runtime::FindingKind::label:
    return "label";
  case runtime::FindingKind::empty_class:
    return "empty_class";
  case runtime::FindingKind::duplicate:
    return "duplicate";
  case runtime::FindingKind::contradiction:
    return "contradiction";
  case runtime::FindingKind::imbalance:
    return "imbalance";
  case runtime::FindingKind::mixed_channels:
    return "mixed_channels";
  }
  return {};
}

void leave_out(runtime::Split, std::monostate&) {}
void leave_out(runtime::Split split, runtime::IdxData& idx) { idx.images[split] = idx.labels[split] = {}; }
void leave_out(runtime::Split split, runtime::FolderData& data) { data.folders[split] = {}; }
void leave_out(runtime::Split split, runtime::ListData& data) { data.files[split] = {}; }
void leave_out(runtime::Split split, runtime::CifarData& data) { data.files[split] = {}; }
void leave_out(runtime::Split split, runtime::NpyData& data) { data.arrays[split] = {}; }

} // namespace

runtime::DataScan check_data(const frontend::LoadedExperiment& loaded, const runtime::LabelRange& labels,
                             const Options& options) {
  runtime::DataDescription description = frontend::describe_data(loaded.experiment.data());
  description.cache_bytes = 0; // each sample is read once
  runtime::DataScan files;
  for (runtime::FileProblem& problem : runtime::find_file_problems(description, runtime::FileDepth::whole)) {
    std::visit([&](auto& source) { leave_out(problem.split, source); }, description.source);
    files.findings.push_back({runtime::FindingKind::unreadable, problem.split, -1, std::move(problem.message)});
  }
  const auto is_broken = [&](runtime::Split split) {
    return std::any_of(files.findings.begin(), files.findings.end(),
                       [&](const runtime::Finding& finding) { return finding.split == split; });
  };
  if (is_broken(runtime::Split::train)) description.split = {}; // there is nothing to take from
  const runtime::DataSplits data = runtime::open_data(description);
  runtime::ThreadPool pool(thread_count(options));
  ScanProgress progress(options);
  runtime::DataScan scan =
      runtime::scan_data(data, labels, pool, [&](int64_t done, int64_t all) { progress.show(done, all); });
  scan.findings.insert(scan.findings.begin(), files.findings.begin(), files.findings.end());
  return scan;
}

void check_labels(const frontend::LoadedExperiment& loaded, const runtime::LabelRange& labels, const Options& options) {
  if (labels.classes == 0) return;
  frontend::Diagnostics diagnostics;
  for (const runtime::FileProblem& problem :
       runtime::find_label_problems(frontend::describe_data(loaded.experiment.data()), labels))
    diagnostics.error(frontend::ErrorKind::data, loaded.positions.find("data"), problem.message);
  report_diagnostics(diagnostics, options);
}

void print_scan(const runtime::DataScan& scan, const std::vector<std::string>& class_names) {
  size_t shown = 0, of_kind = 0;
  for (size_t i = 0; i < scan.findings.size(); ++i) {
    const runtime::Finding& finding = scan.findings[i];
    of_kind = i > 0 && scan.findings[i - 1].kind == finding.kind ? of_kind + 1 : 1;
    const std::string_view severity = is_warning(finding.kind) ? "warning" : "error";
    if (of_kind <= kShownOfAKind) {
      fmt::print("{}: {}\n", severity, finding.message);
      ++shown;
    }
    const bool last = i + 1 == scan.findings.size() || scan.findings[i + 1].kind != finding.kind;
    if (last && of_kind > kShownOfAKind)
      fmt::print("{}: and {} more of this kind ({}); --json lists all\n", severity, of_kind - kShownOfAKind,
                 name_of(finding.kind));
  }
  for (runtime::Split split : runtime::all_splits) {
    if (scan.samples[split] == 0) continue;
    fmt::print("{}: {} samples", runtime::name_of(split), scan.samples[split]);
    const std::vector<int64_t>& counts = scan.class_counts[split];
    for (size_t label = 0; label < counts.size() && counts.size() <= 100; ++label)
      fmt::print("{} {} {}", label == 0 ? ":" : ",", label < class_names.size() ? class_names[label] : "",
                 counts[label]);
    fmt::print("\n");
  }
  if (scan.findings.empty()) fmt::print("data: nothing wrong found\n");
}

nlohmann::json to_json(const runtime::DataScan& scan) {
  nlohmann::json findings = nlohmann::json::array();
  for (const runtime::Finding& finding : scan.findings)
    findings.push_back({{"kind", name_of(finding.kind)},
                        {"severity", is_warning(finding.kind) ? "warning" : "error"},
                        {"split", runtime::name_of(finding.split)},
                        {"sample", finding.sample},
                        {"message", finding.message}});
  nlohmann::json splits;
  for (runtime::Split split : runtime::all_splits)
    if (scan.samples[split] > 0)
      splits[runtime::name_of(split)] = {{"samples", scan.samples[split]}, {"class_counts", scan.class_counts[split]}};
  return {{"findings", findings}, {"splits", splits}};
}

} // namespace kiln::tools
