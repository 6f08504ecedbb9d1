// The page's figures, in the order in which they are read, and the table of epochs.
#include "runtime/html_report.h"

#include "runtime/line_chart.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace kiln::runtime {
namespace {

constexpr std::string_view style =
    "body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:800px;margin:2em auto;padding:0 1em}"
    "svg{width:100%;height:auto;margin:.6em 0}.title{font-weight:600;font-size:14px}.tick{font-size:11px;fill:#555}"
    ".legend{font-size:12px}.grid{stroke:#e2e2e2}table{border-collapse:collapse;font-size:13px}"
    "td,th{padding:.15em .8em;text-align:right;border-bottom:1px solid #ddd}th{text-align:right}"
    "dt{float:left;clear:left;width:9em;color:#555}dd{margin-left:9em}p{color:#555}";

using Epoch = RunHistory::Epoch;

Curve epoch_curve(const RunHistory& history, std::string name, const std::function<double(const Epoch&)>& value) {
  Curve curve;
  curve.name = std::move(name);
  for (const Epoch& epoch : history.epochs()) {
    const double y = value(epoch);
    if (std::isfinite(y)) curve.points.push_back({static_cast<double>(epoch.metrics.epoch), y, y, y});
  }
  return curve;
}

// Empty where nothing was measured.
std::string epoch_chart(std::string title, std::vector<Curve> curves) {
  std::erase_if(curves, [](const Curve& curve) { return curve.points.empty(); });
  if (curves.empty()) return {};
  return svg({std::move(title), "epoch", std::move(curves)});
}

// Groups taken together, so that a point stands for several steps wherever there are enough of them.
std::string loss_per_batch(const RunHistory& history) {
  constexpr size_t most_points = 128;
  const std::vector<StepGroup>& groups = history.groups();
  const size_t together = (groups.size() + most_points - 1) / most_points;
  Curve curve;
  for (size_t begin = 0; begin < groups.size(); begin += together) {
    StepGroup sum = groups[begin];
    for (size_t i = begin + 1; i < std::min(begin + together, groups.size()); ++i) join(sum, groups[i]);
    curve.points.push_back({static_cast<double>(sum.last_step), sum.loss_sum / static_cast<double>(sum.steps),
                            double{sum.least_loss}, double{sum.largest_loss}});
  }
  return svg({"Loss per batch: mean, and the band from least to largest", "step", {std::move(curve)}});
}

std::string learning_rate(const RunHistory& history) {
  Curve curve;
  for (const StepGroup& group : history.groups())
    curve.points.push_back(
        {static_cast<double>(group.last_step), group.learning_rate, group.learning_rate, group.learning_rate});
  return svg({"Learning rate", "step", {std::move(curve)}});
}

std::string cell(double value) { return "<td>" + (std::isfinite(value) ? format_fixed(value, 4) : "") + "</td>"; }

std::string epoch_table(const ReportFacts& facts, const RunHistory& history) {
  const std::string tested = xml_text(facts.evaluated);
  std::string text = "<h2>Epochs</h2>\n<table>\n<tr><th>epoch</th><th>steps</th><th>train loss</th><th>train accuracy"
                     "</th><th>" +
                     tested + " loss</th><th>" + tested + " accuracy</th>";
  for (const std::string& name : history.further_names()) text += "<th>" + xml_text(name) + "</th>";
  text += "</tr>\n";
  for (const Epoch& epoch : history.epochs()) {
    const EpochMetrics& metrics = epoch.metrics;
    text += "<tr><td>" + format_integer(metrics.epoch) + "</td><td>" + format_integer(metrics.step) + "</td>";
    for (double value : {metrics.train_loss, metrics.train_accuracy, metrics.test_loss, metrics.test_accuracy})
      text += cell(value);
    for (double value : epoch.further) text += cell(value);
    text += "</tr>\n";
  }
  return text + "</table>\n";
}

} // namespace

std::string html_report(const ReportFacts& facts, const RunHistory& history) {
  const std::string name = xml_text(facts.network);
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" + name +
                     "</title>\n<style>" + std::string(style) + "</style>\n</head>\n<body>\n<h1>" + name +
                     "</h1>\n<dl>\n";
  for (const auto& [what, value] : facts.lines)
    page += "<dt>" + xml_text(what) + "</dt><dd>" + xml_text(value) + "</dd>\n";
  page += "</dl>\n";
  const auto of = [](double EpochMetrics::*field) {
    return [field](const Epoch& epoch) { return epoch.metrics.*field; };
  };
  const std::string& tested = facts.evaluated;
  page += epoch_chart("Loss per epoch", {epoch_curve(history, "train", of(&EpochMetrics::train_loss)),
                                         epoch_curve(history, tested, of(&EpochMetrics::test_loss))});
  if (!history.groups().empty()) page += loss_per_batch(history);
  page += epoch_chart("Accuracy", {epoch_curve(history, "train", of(&EpochMetrics::train_accuracy)),
                                   epoch_curve(history, tested, of(&EpochMetrics::test_accuracy))});
  if (!history.groups().empty()) page += learning_rate(history);
  for (size_t i = 0; i < history.further_names().size(); ++i)
    page += epoch_chart(history.further_names()[i],
                        {epoch_curve(history, "", [i](const Epoch& epoch) { return epoch.further[i]; })});
  if (!history.epochs().empty()) page += epoch_table(facts, history);
  return page + "</body>\n</html>\n";
}

} // namespace kiln::runtime
