#!/usr/bin/env bash
# HSQLDB 2.7.1 (Java): `select ... for update` locks nothing where it has an `order by` or a `limit`, and under MVCC nothing ever.
#
# `select id from job where state = 'free' order by id limit 1 for update` takes the next job from a queue, in every database that has the
# clause: whoever comes next waits, or is given another row. HSQLDB accepts it, and without `order by ... limit` and in its default mode of
# transactions it does lock. One expects the same with them, or a syntax error, as Derby has for it. But the lock is there only if the result could be
# written through (that is what the clause means to it), and with a limit or an order it cannot. So all workers are given the same job, and
# with `hsqldb.tx=mvcc`, which is recommended for many users at a time, in all cases: then not even a select by the key locks.
#
# Seen (a first worker has selected a job and not yet committed, and a second one does the same; default isolation):
#
#     locks: where id = 1 for update: the second waits
#     locks: where state = 'free' for update: the second waits
#     locks: where state = 'free' order by id limit 1 for update: the second gets job 1, too, and both have updated it
#     mvlocks: where id = 1 for update: the second waits
#     mvlocks: where state = 'free' for update: the second waits
#     mvlocks: where state = 'free' order by id limit 1 for update: the second gets job 1, too, and both have updated it
#     mvcc: where id = 1 for update: the second gets job 1, too, and both have updated it
#     mvcc: where state = 'free' for update: the second gets job 1, too, and both have updated it
#     mvcc: where state = 'free' order by id limit 1 for update: the second gets job 1, too, and both have updated it
#
# Succeeds while this is so. Needs Debian 12 and Java with its compiler. What to do instead: `update job set state = 'mine' where id = ? and
# state = 'free'`, and see whether it has changed a row.
set -euo pipefail
command -v javac > /dev/null || { echo "needs Java and its compiler (Debian's default-jdk-headless)"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libhsqldb-java=2.7.1-1+deb12u1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > Try.java << 'JAVA'
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.concurrent.CompletableFuture;

public class Try {
  static Connection connect(String mode) throws SQLException {
    var it = DriverManager.getConnection("jdbc:hsqldb:mem:" + mode + ";hsqldb.tx=" + mode, "SA", "");
    it.setAutoCommit(false);
    return it;
  }

  static int take(Connection connection, String which) {
    try (var statement = connection.createStatement(); var result = statement.executeQuery("select id from job " + which)) {
      return result.next() ? result.getInt(1) : 0;
    } catch (SQLException error) {
      throw new RuntimeException(error);
    }
  }

  static int mark(Connection connection, int job, String state) throws SQLException {
    int changed = connection.createStatement().executeUpdate("update job set state = '" + state + "' where id = " + job);
    connection.commit();
    return changed;
  }

  static void seen(String mode, String which) throws Exception {
    try (var first = connect(mode); var second = connect(mode)) {
      first.createStatement().executeUpdate("update job set state = 'free'");
      first.commit();
      int one = take(first, which);
      var taking = CompletableFuture.supplyAsync(() -> take(second, which), task -> new Thread(task).start());
      Thread.sleep(1000);
      var what = "waits";
      if (taking.isDone()) {
        what = "gets job " + taking.get() + (taking.get() == one ? ", too" : "");
        if (mark(first, one, "first") + mark(second, taking.get(), "second") == 2) what += ", and both have updated it";
      } else {
        first.rollback();
        taking.get();
      }
      second.rollback();
      System.out.println(mode + ": " + which + ": the second " + what);
    }
  }

  public static void main(String[] arguments) throws Exception {
    for (var mode : new String[] {"locks", "mvlocks", "mvcc"}) {
      try (var setup = connect(mode)) {
        setup.createStatement().execute("create table job (id int primary key, state varchar(10))");
        setup.createStatement().execute("insert into job values (1, 'free'), (2, 'free'), (3, 'free')");
        setup.commit();
      }
      seen(mode, "where id = 1 for update");
      seen(mode, "where state = 'free' for update");
      seen(mode, "where state = 'free' order by id limit 1 for update");
    }
    System.exit(0);
  }
}
JAVA
both="the second gets job 1, too, and both have updated it"
expected="locks: where id = 1 for update: the second waits
locks: where state = 'free' for update: the second waits
locks: where state = 'free' order by id limit 1 for update: $both
mvlocks: where id = 1 for update: the second waits
mvlocks: where state = 'free' for update: the second waits
mvlocks: where state = 'free' order by id limit 1 for update: $both
mvcc: where id = 1 for update: $both
mvcc: where state = 'free' for update: $both
mvcc: where state = 'free' order by id limit 1 for update: $both"
seen=$(java -cp "$folder/packages/usr/share/java/hsqldb.jar" Try.java 2> log) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
