#!/usr/bin/env bash
# Quartz 2.3.2 (Java), `CalendarIntervalTrigger`: each month from January 31 is the 28th from February on, and daily at 02:30 becomes 01:30.
#
# It is the trigger for months and days as people count them: "1 month" from the 31st, whatever the length of a month, and days at one hour "if
# daylight saving time is observed". One expects each time to be so many months or days after the start: the last day of February,
# and the 31st of March again. It is one month after the time before, so what February has cut off is gone for good. In the same way the
# hour that does not exist on the day on which clocks go forward moves the job by an hour, and there it stays all summer, when
# 02:30 exists again: it is at 01:30, that day and from then on. A job at 09:00 keeps its hour.
#
# Seen with Java 17 in Europe/Berlin:
#
#     each month from 2026-01-31 09:00: 01-31 09:00, 02-28 09:00, 03-28 09:00, 04-28 09:00, 05-28 09:00
#     each day from 2026-03-27 09:00: 03-27 09:00, 03-28 09:00, 03-29 09:00, 03-30 09:00, 03-31 09:00
#     each day from 2026-03-27 02:30: 03-27 02:30, 03-28 02:30, 03-29 01:30, 03-30 01:30, 03-31 01:30
#
# Succeeds while this is so. Needs Debian 12 and Java with its compiler. What to do instead: `L` in a cron expression for the last day of each
# month; `preserveHourOfDayAcrossDaylightSavings(true)` for days, which helps the hour, and not the months.
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
import java.util.List;
import org.quartz.CalendarIntervalScheduleBuilder;
import org.quartz.TriggerBuilder;
import org.quartz.TriggerUtils;
import org.quartz.spi.OperableTrigger;

public class Try {
  static CalendarIntervalScheduleBuilder each() {
    return CalendarIntervalScheduleBuilder.calendarIntervalSchedule();
  }

  static void seen(String name, String start, CalendarIntervalScheduleBuilder schedule) throws Exception {
    var from = new SimpleDateFormat("yyyy-MM-dd HH:mm").parse(start);
    var trigger = TriggerBuilder.newTrigger().startAt(from).withSchedule(schedule).build();
    var format = new SimpleDateFormat("MM-dd HH:mm");
    List<String> times = new ArrayList<>();
    for (var it : TriggerUtils.computeFireTimes((OperableTrigger) trigger, null, 5)) times.add(format.format(it));
    System.out.println(name + " from " + start + ": " + String.join(", ", times));
  }

  public static void main(String[] arguments) throws Exception {
    seen("each month", "2026-01-31 09:00", each().withIntervalInMonths(1));
    seen("each day", "2026-03-27 09:00", each().withIntervalInDays(1));
    seen("each day", "2026-03-27 02:30", each().withIntervalInDays(1));
  }
}
JAVA
expected="each month from 2026-01-31 09:00: 01-31 09:00, 02-28 09:00, 03-28 09:00, 04-28 09:00, 05-28 09:00
each day from 2026-03-27 09:00: 03-27 09:00, 03-28 09:00, 03-29 09:00, 03-30 09:00, 03-31 09:00
each day from 2026-03-27 02:30: 03-27 02:30, 03-28 02:30, 03-29 01:30, 03-30 01:30, 03-31 01:30"
seen=$(TZ=Europe/Berlin java -cp "$folder/packages/usr/share/java/*" Try.java 2> log) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
