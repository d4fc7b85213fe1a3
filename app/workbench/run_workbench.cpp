#include "app/workbench/run_workbench.h"

#include <QApplication>

#include "app/workbench/workbench.h"
#include "ui/theme.h"

namespace app {

int runWorkbench(const ServiceOptions& options, const std::string& session,
                 std::stop_token stop) {
  int argc = 1;
  char name[] = "lectern";
  char* argv[] = {name, nullptr};
  QApplication application(argc, argv);
  QApplication::setApplicationName("Lectern");
  QApplication::setDesktopFileName("lectern");
  Workbench workbench(options, session);
  workbench.window().show();
  const std::stop_callback quit(stop, [&application] {
    QMetaObject::invokeMethod(&application, &QCoreApplication::quit, Qt::QueuedConnection);
  });
  return QApplication::exec();
}

}  // namespace app
