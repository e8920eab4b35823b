#!/usr/bin/env bash
# Derby 10.14.2.0 (Java): `select ... for update` locks the row until the result is closed, and not until the transaction ends.
#
# In a transaction one reads a row `for update`, looks at what it says, and writes it: whoever does the same waits at the select until the first
# has committed. That is what the clause is for, in every database that has it, whatever the isolation. In Derby's own, read committed, the
# lock is the cursor's: it goes to the next row with it, and is over when the last row has been read or the result is closed, as by the `try` that
# every Java program has around it. The transaction goes on with nothing locked, the other one reads the same, and both write what they have
# computed from it. Nothing fails; one of the two is lost. A row that was written is locked until the end, as elsewhere.
#
# Seen (an account of 100, from which two transactions take 30 each, with `select amount ... for update` and `update ... set amount = ?`; the
# second one comes while the first one has read and not yet written):
#
#     read committed: the second reads 100 while the first is at work; in the end there are 70
#     read committed, the result is left open: the second waits; in the end there are 40
#     repeatable read: the second waits; in the end there are 40
#
# Succeeds while this is so. Needs Debian 12 and Java with its compiler. What to do instead: `Connection.TRANSACTION_REPEATABLE_READ`, or `with rs`.
set -euo pipefail
command -v javac > /dev/null || { echo "needs Java and its compiler (Debian's default-jdk-headless)"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libderby-java=10.14.2.0-2 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > Try.java << 'JAVA'
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.concurrent.CompletableFuture;

public class Try {
  static Connection connect(int isolation) throws SQLException {
    var it = DriverManager.getConnection("jdbc:derby:memory:try;create=true");
    it.setAutoCommit(false);
    it.setTransactionIsolation(isolation);
    return it;
  }

  static int read(Connection connection, boolean close) {
    try {
      var statement = connection.createStatement();
      var result = statement.executeQuery("select amount from account where id = 1 for update");
      result.next();
      int amount = result.getInt(1);
      if (close) result.close();
      return amount;
    } catch (SQLException error) {
      throw new RuntimeException(error);
    }
  }

  static void write(Connection connection, int amount) throws SQLException {
    connection.createStatement().executeUpdate("update account set amount = " + amount + " where id = 1");
    connection.commit();
  }

  static void seen(String name, int isolation, boolean close) throws Exception {
    try (var setup = connect(Connection.TRANSACTION_READ_COMMITTED)) {
      write(setup, 100);
    }
    try (var first = connect(isolation); var second = connect(isolation)) {
      int one = read(first, close);
      var reading = CompletableFuture.supplyAsync(() -> read(second, close), task -> new Thread(task).start());
      Thread.sleep(1000);
      var what = reading.isDone() ? "reads " + reading.get() + " while the first is at work" : "waits";
      // The second one writes after the first one.
      write(first, one - 30);
      write(second, reading.get() - 30);
      int end = read(first, true);
      first.commit();
      System.out.println(name + ": the second " + what + "; in the end there are " + end);
    }
  }

  public static void main(String[] arguments) throws Exception {
    try (var setup = connect(Connection.TRANSACTION_READ_COMMITTED)) {
      setup.createStatement().execute("create table account (id int primary key, amount int)");
      setup.createStatement().execute("insert into account values (1, 100)");
      setup.commit();
    }
    seen("read committed", Connection.TRANSACTION_READ_COMMITTED, true);
    seen("read committed, the result is left open", Connection.TRANSACTION_READ_COMMITTED, false);
    seen("repeatable read", Connection.TRANSACTION_REPEATABLE_READ, true);
  }
}
JAVA
expected="read committed: the second reads 100 while the first is at work; in the end there are 70
read committed, the result is left open: the second waits; in the end there are 40
repeatable read: the second waits; in the end there are 40"
seen=$(java -cp "$folder/packages/usr/share/java/derby.jar" Try.java 2> log) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
