// How the branches of a session are shown, begun, chosen, cut back and removed.
#include "app/session_turns.h"
#include "app/workbench/branch_values.h"
#include "app/workbench/shown_values.h"
#include "app/workbench/workbench.h"

namespace app {

using ui::ErrorPlace;
using Until = ServiceThread::Until;

namespace {

// The last message of the first `n_turns` turns of the active branch.
base::Result<base::MessageId> endOfTurns(ReadingService& service, const storage::Session& session,
                                         int n_turns) {
  TRY_ASSIGN(const auto messages, service.messages(session.id));
  return endOfTurn(turnsOf(messages), n_turns);
}

}  // namespace

void Workbench::showBranches(base::SessionId id) {
  service_.look([this, id](ReadingService& service) {
    const auto session = service.database().sessions().byId(id);
    if (!session) return;  // deleted meanwhile: the list says so
    const auto branches = branchesValue(service, *session);
    service_.inWindow([this, id, title = session->name, branches] {
      if (branches) return window_.setBranches(*branches);
      fail(branches.error(), ErrorPlace::kSessions, shown(title), [this, id] { showBranches(id); });
    });
  });
}

void Workbench::changeBranches(base::SessionId id, const BranchChange& change, Then then) {
  if (shows(id)) makeWay();
  service_.post([this, id, change, then](ReadingService& service, std::stop_token) {
    const auto session = service.database().sessions().byId(id);
    const base::Status done = session ? change(service, *session)
                                      : base::Status(tl::make_unexpected(session.error()));
    if (done && then == Then::kOpen) {
      const auto changed = service.database().sessions().byId(id);
      if (changed) showSession(service, *changed);
    }
    service_.inWindow([this, id, change, then, done] {
      if (!done)
        return fail(done.error(), then == Then::kOpen && shows(id) ? ErrorPlace::kConversation
                                                                   : ErrorPlace::kSessions,
                    {}, [this, id, change, then] { changeBranches(id, change, then); });
      if (then == Then::kStay && shows(id)) refreshSession();
      showBranches(id);
      listSessions();
    });
  }, Until::kDone);
}

void Workbench::branch(base::SessionId id, int n_turns) {
  changeBranches(id, [n_turns](ReadingService& service, const storage::Session& session)
                         -> base::Status {
    TRY_ASSIGN(const base::MessageId last, endOfTurns(service, session, n_turns));
    return service.database().asOneStep([&]() -> base::Status {
      TRY_ASSIGN(const base::BranchId branch,
                 service.database().messages().fork(session.branch, last, ""));
      return service.database().sessions().setActiveBranch(session.id, branch);
    });
  }, Then::kOpen);
}

void Workbench::switchBranch(base::SessionId id, base::BranchId branch) {
  changeBranches(id, [branch](ReadingService& service, const storage::Session& session) {
    return service.database().sessions().setActiveBranch(session.id, branch);
  }, Then::kOpen);
}

void Workbench::rewind(base::SessionId id, int n_turns) {
  changeBranches(id, [n_turns](ReadingService& service, const storage::Session& session)
                         -> base::Status {
    TRY_ASSIGN(const base::MessageId last, endOfTurns(service, session, n_turns));
    return service.database().messages().rewind(session.branch, last);
  }, Then::kStay);
}

void Workbench::removeBranch(base::SessionId id, base::BranchId branch) {
  changeBranches(id, [branch](ReadingService& service, const storage::Session&) {
    return service.database().messages().removeBranch(branch);
  }, Then::kStay);
}

// The shown session again, as it is stored now.
void Workbench::refreshSession() {
  service_.look([this, id = shown_->session.id](ReadingService& service) {
    const auto session = service.database().sessions().byId(id);
    if (!session) return;
    const auto view = sessionView(service, *session);
    if (!view) return;  // what is shown stays
    service_.inWindow([this, view = *view] {
      if (!shows(view.session.id)) return;
      shown_->session = view.session;
      window_.updateSession(view.value);
    });
  });
}

// Opens the session where the message is, on a branch that holds it.
void Workbench::openMatch(base::SessionId id, base::MessageId message) {
  if (!message) return openSessionById(id);
  makeWay();
  service_.post([this, id, message](ReadingService& service, std::stop_token) {
    const auto show = [&]() -> base::Status {
      TRY_ASSIGN(storage::Session session, service.database().sessions().byId(id));
      TRY_ASSIGN(const base::BranchId branch, branchHolding(service, session, message));
      if (branch != session.branch) {
        TRY(service.database().sessions().setActiveBranch(id, branch));
        session.branch = branch;
      }
      showSession(service, session);
      return {};
    };
    const base::Status shown_there = show();
    service_.inWindow([this, id, message, shown_there] {
      if (shown_there) return window_.showMessage(message);
      fail(shown_there.error(), ErrorPlace::kSessions, {},
           [this, id, message] { openMatch(id, message); });
    });
  }, Until::kClosed);
}

}  // namespace app
