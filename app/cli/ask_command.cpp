// lectern ask --session NAME QUESTION: an answer whose quotes are proven.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/answer_json.h"
#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/cli/ingest_report.h"
#include "app/cli/place_words.h"

namespace app {

using base::Result;

namespace {

struct Options {
  AskRequest request;
  EngineFlags engine;
};

// The answer grows on stdout while it is made; JSON comes as a whole at the end.
AskEvents showAnswer(ProgressLine& progress, bool json) {
  AskEvents events;
  events.on_progress = [&progress](const base::Progress& at) { progress.show(at); };
  events.on_restart = showRestart();
  if (json) return events;
  events.on_delta = [answer = AnswerWords()](const base::AnswerDelta& delta) mutable {
    const std::string words = delta.thinking ? delta.text : answer.push(delta.text);
    std::fwrite(words.data(), 1, words.size(), delta.thinking ? stderr : stdout);
    std::fflush(stdout);
  };
  return events;
}

void printAnswerEnd(const Answer& answer) {
  std::printf("\n");
  printDamage(stderr, answer.damage);
  for (const base::Citation& citation : answer.citations)
    std::printf("%s\n", citationWords(citation).c_str());
  std::fprintf(stderr,
               "%s of %s context tokens reused, first token after %s, %s tokens at %.0f tok/s\n",
               countWords(answer.usage.reused_tokens).c_str(),
               countWords(answer.usage.context_tokens).c_str(),
               durationWords(answer.usage.first_token_s).c_str(),
               countWords(answer.usage.decode_tokens).c_str(), answer.usage.decode_tok_s);
}

Result<int> run(const Options& options, const Invocation& invocation) {
  TRY_ASSIGN(const auto service, openService(invocation, options.engine));
  ProgressLine progress;
  TRY_ASSIGN(const Answer answer,
             service->ask(options.request, showAnswer(progress, invocation.json), invocation.stop));
  if (invocation.json)
    printJson(answerJson(answer));
  else
    printAnswerEnd(answer);
  return answer.finish == base::FinishReason::kStopped ? kStoppedByUser : kDone;
}

}  // namespace

void addAskCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add("ask", "Ask a session",
                           [options](const Invocation& at) { return run(*options, at); });
  engine::GenerateOptions& generate = options->request.generate;
  app.add_option("QUESTION", options->request.question)->required();
  app.add_option("--session", options->request.session, "Name of the session")->required();
  auto* after = app.add_option("--after", options->request.after_turn,
                               "Ask behind this turn, on a new branch; 0: before the first one")
                    ->type_name("TURN")
                    ->check(CLI::NonNegativeNumber);
  app.add_flag_function("--edit",
                        [options](std::int64_t) { options->request.after_turn = -1; },
                        "Ask instead of the last question, on a new branch")
      ->excludes(after);
  addReadAgainFlag(app, options->request.other_model);
  app.add_option("--temperature", generate.sampler.temperature, "0: the likeliest token")
      ->check(CLI::Range(0.0, 10.0));
  app.add_option("--top-p", generate.sampler.top_p)->check(CLI::Range(0.0, 1.0));
  app.add_option("--min-p", generate.sampler.min_p)->check(CLI::Range(0.0, 1.0));
  app.add_option("--seed", generate.sampler.seed);
  app.add_option("--max-tokens", generate.n_tokens_max, "Length of the answer")
      ->check(CLI::PositiveNumber);
  addEngineFlags(app, options->engine);
}

}  // namespace app
