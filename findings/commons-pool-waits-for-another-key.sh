#!/usr/bin/env bash
# Apache commons-pool2 2.11.1 (Java): who waits for a connection waits on beside an empty pool, when the one of another key was broken.
#
# A `GenericKeyedObjectPool` keeps connections by key, of one host each, say, and with `maxTotal` not more than so many of all together. Who
# finds it full waits until something is given back, of any key: the pool then makes room for the key that has waited longest. One
# expects the same when a connection was broken and is thrown away (`invalidateObject`), as there is room then as well. But in that case only
# those who wait for the same key are looked at. Others wait on, as long as nothing is given back, until their time is over, with nothing in the pool
# and nothing at work. Who comes new for that key gets a connection at once.
#
# Seen (`maxTotal` 1; a connection of "a" is at work, and one waits for "b", for 2 s at most):
#
#     given back: let in
#     invalidated: NoSuchElementException, 0 at work, 0 idle
#     invalidated, and another one comes: let in
#     the one who waited: NoSuchElementException, 1 at work, 0 idle
#
# Succeeds while this is so. Needs Debian 12 and Java with its compiler. What to do instead: a pool for each key, or `maxTotalPerKey` alone.
set -euo pipefail
command -v javac > /dev/null || { echo "needs Java and its compiler (Debian's default-jdk-headless)"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libcommons-pool2-java=2.11.1-1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > Try.java << 'JAVA'
import java.time.Duration;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import org.apache.commons.pool2.BaseKeyedPooledObjectFactory;
import org.apache.commons.pool2.PooledObject;
import org.apache.commons.pool2.impl.DefaultPooledObject;
import org.apache.commons.pool2.impl.GenericKeyedObjectPool;
import org.apache.commons.pool2.impl.GenericKeyedObjectPoolConfig;

public class Try {
  static class Factory extends BaseKeyedPooledObjectFactory<String, Object> {
    public Object create(String key) {
      return new Object();
    }

    public PooledObject<Object> wrap(Object it) {
      return new DefaultPooledObject<>(it);
    }
  }

  static GenericKeyedObjectPool<String, Object> pool() {
    var config = new GenericKeyedObjectPoolConfig<Object>();
    config.setMaxTotal(1);
    config.setMaxWait(Duration.ofSeconds(2));
    return new GenericKeyedObjectPool<>(new Factory(), config);
  }

  static CompletableFuture<String> waits(GenericKeyedObjectPool<String, Object> pool) throws Exception {
    var waiting = CompletableFuture.supplyAsync(() -> {
      try {
        pool.borrowObject("b");
        return "let in";
      } catch (NoSuchElementException over) {
        return "NoSuchElementException, " + pool.getNumActive() + " at work, " + pool.getNumIdle() + " idle";
      } catch (Exception error) {
        return error.toString();
      }
    }, task -> new Thread(task).start());
    while (pool.getNumWaiters() == 0) Thread.sleep(10);
    return waiting;
  }

  public static void main(String[] arguments) throws Exception {
    var first = pool();
    var a = first.borrowObject("a");
    var waiting = waits(first);
    first.returnObject("a", a);
    System.out.println("given back: " + waiting.get());

    var second = pool();
    a = second.borrowObject("a");
    waiting = waits(second);
    second.invalidateObject("a", a);
    System.out.println("invalidated: " + waiting.get());

    var third = pool();
    a = third.borrowObject("a");
    waiting = waits(third);
    third.invalidateObject("a", a);
    third.borrowObject("b");
    System.out.println("invalidated, and another one comes: let in");
    System.out.println("the one who waited: " + waiting.get());
  }
}
JAVA
expected="given back: let in
invalidated: NoSuchElementException, 0 at work, 0 idle
invalidated, and another one comes: let in
the one who waited: NoSuchElementException, 1 at work, 0 idle"
seen=$(java -cp "$folder/packages/usr/share/java/*" Try.java 2> log) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
