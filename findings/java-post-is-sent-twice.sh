#!/usr/bin/env bash
# Java 17, `HttpURLConnection`: a POST whose connection ends without an answer is sent once more, and what it asks for is done twice.
#
# A POST is not idempotent, so a client must not send it again by itself when it cannot know whether it was received (RFC 9110, 9.2.2); none of
# Java's other clients does. One expects an exception, and to decide oneself. `HttpURLConnection`, which many programs and libraries
# use, does throw one: "Unexpected end of file from server". But before it does, it connects again and sends the request once more, unseen. A server that
# is stopped, or dies, after it has placed the order and before it has answered has a second order, placed by its successor; and when that one
# answers, the caller gets its 200 and nothing else. Who catches the exception and tries three times has placed six.
#
# Seen (a server that takes the order and closes the connection; orders it has got after one call):
#
#     HttpURLConnection: SocketException, 2 orders
#     HttpURLConnection, when the next server answers: 200, 2 orders
#     HttpURLConnection, setFixedLengthStreamingMode: SocketException, 1 order
#     HttpClient: IOException, 1 order
#
# Succeeds while this is so. Needs Java 17 with its compiler. What to do instead: `-Dsun.net.http.retryPost=false`, or `java.net.http.HttpClient`.
set -euo pipefail
[[ $(java -version 2>&1 | head -1) == *'"17.'* && -n $(command -v javac) ]] || {
  echo "needs Java 17 and its compiler (Debian 12's openjdk-17-jdk-headless)"
  exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > Try.java << 'JAVA'
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.atomic.AtomicInteger;

public class Try {
  static final String ORDER = "one book";
  static final AtomicInteger orders = new AtomicInteger();
  static volatile boolean answers;

  interface Post {
    int to(URI place) throws Exception;
  }

  static void serve(ServerSocket server) {
    try {
      while (true) {
        try (var socket = server.accept()) {
          var all = new StringBuilder();
          int it;
          while (all.indexOf(ORDER) < 0 && (it = socket.getInputStream().read()) >= 0) all.append((char) it);
          if (all.indexOf(ORDER) >= 0 && orders.incrementAndGet() == 2 && answers)
            socket.getOutputStream().write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".getBytes());
        }
      }
    } catch (IOException over) {
    }
  }

  static void seen(String name, URI place, boolean nextAnswers, Post post) {
    orders.set(0);
    answers = nextAnswers;
    String said;
    try {
      said = String.valueOf(post.to(place));
    } catch (Exception error) {
      said = error.getClass().getSimpleName();
    }
    System.out.println(name + ": " + said + ", " + orders + (orders.get() == 1 ? " order" : " orders"));
  }

  static int old(URI place, boolean streaming) throws Exception {
    var connection = (HttpURLConnection) place.toURL().openConnection();
    connection.setRequestMethod("POST");
    connection.setDoOutput(true);
    if (streaming) connection.setFixedLengthStreamingMode(ORDER.length());
    connection.getOutputStream().write(ORDER.getBytes());
    return connection.getResponseCode();
  }

  public static void main(String[] arguments) throws Exception {
    var server = new ServerSocket(0);
    var thread = new Thread(() -> serve(server));
    thread.setDaemon(true);
    thread.start();
    var place = URI.create("http://127.0.0.1:" + server.getLocalPort() + "/orders");
    seen("HttpURLConnection", place, false, it -> old(it, false));
    seen("HttpURLConnection, when the next server answers", place, true, it -> old(it, false));
    seen("HttpURLConnection, setFixedLengthStreamingMode", place, false, it -> old(it, true));
    var request = HttpRequest.newBuilder(place).POST(HttpRequest.BodyPublishers.ofString(ORDER)).build();
    seen("HttpClient", place, false, it -> HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding()).statusCode());
  }
}
JAVA
expected="HttpURLConnection: SocketException, 2 orders
HttpURLConnection, when the next server answers: 200, 2 orders
HttpURLConnection, setFixedLengthStreamingMode: SocketException, 1 order
HttpClient: IOException, 1 order"
seen=$(java Try.java)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
