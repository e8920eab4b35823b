#!/usr/bin/env bash
# Quartz 2.3.2 (Java): "every other day from Monday to Friday" is each of them, and of "the 1st and about the 15th" there is no 15th.
#
# Quartz has more in its cron expressions than cron: `W`, the weekday nearest to a day, and `#`, the second one of a month. One expects what
# it takes to mean what it says, as it refuses what it cannot do ("Support for specifying multiple "nth" days is not implemented").
# But a step after a range of names is dropped, while after the same range in numbers it counts. `W` is about the whole list and
# takes the first day of it only: the others never happen. And `#` leaves one day of a list as well. `isValidExpression` is
# content, and `getExpressionSummary` shows numbers that look right.
#
# Seen with Java 17 (from 2026-01-01, a Thursday):
#
#     2-6/2: Fri 01-02, Mon 01-05, Wed 01-07, Fri 01-09, Mon 01-12
#     MON-FRI/2: Fri 01-02, Mon 01-05, Tue 01-06, Wed 01-07, Thu 01-08
#     JAN-JUN/2, the 15th: Thu 01-15, Sun 02-15, Sun 03-15, Wed 04-15, Fri 05-15
#     1,15W: Mon 02-02, Mon 03-02, Wed 04-01, Fri 05-01, Mon 06-01
#     MON,WED#2: Mon 01-12, Mon 02-09, Mon 03-09, Mon 04-13, Mon 05-11
#
# Succeeds while this is so. Needs Debian 12 and Java with its compiler. What to do instead: numbers, and a trigger for each `W` and `#`.
set -euo pipefail
command -v javac > /dev/null || { echo "needs Java and its compiler (Debian's default-jdk-headless)"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libquartz2-java=2.3.2-4 libslf4j-java 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > Try.java << 'JAVA'
import java.text.SimpleDateFormat;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import org.quartz.CronExpression;

public class Try {
  static void seen(String name, String expression) throws Exception {
    var format = new SimpleDateFormat("EEE MM-dd", Locale.ENGLISH);
    var next = new SimpleDateFormat("yyyy-MM-dd HH:mm").parse("2026-01-01 12:00");
    List<String> days = new ArrayList<>();
    var cron = new CronExpression(expression);
    while (days.size() < 5) {
      next = cron.getNextValidTimeAfter(next);
      days.add(format.format(next));
    }
    System.out.println(name + ": " + String.join(", ", days));
  }

  public static void main(String[] arguments) throws Exception {
    seen("2-6/2", "0 0 9 ? * 2-6/2");
    seen("MON-FRI/2", "0 0 9 ? * MON-FRI/2");
    seen("JAN-JUN/2, the 15th", "0 0 9 15 JAN-JUN/2 ?");
    seen("1,15W", "0 0 9 1,15W * ?");
    seen("MON,WED#2", "0 0 9 ? * MON,WED#2");
  }
}
JAVA
expected="2-6/2: Fri 01-02, Mon 01-05, Wed 01-07, Fri 01-09, Mon 01-12
MON-FRI/2: Fri 01-02, Mon 01-05, Tue 01-06, Wed 01-07, Thu 01-08
JAN-JUN/2, the 15th: Thu 01-15, Sun 02-15, Sun 03-15, Wed 04-15, Fri 05-15
1,15W: Mon 02-02, Mon 03-02, Wed 04-01, Fri 05-01, Mon 06-01
MON,WED#2: Mon 01-12, Mon 02-09, Mon 03-09, Mon 04-13, Mon 05-11"
seen=$(TZ=UTC java -cp "$folder/packages/usr/share/java/*" Try.java 2> log) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
