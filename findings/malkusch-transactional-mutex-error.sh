#!/usr/bin/env bash
# malkusch/lock 2.2.1 (PHP), `TransactionalMutex`: an error of the code leaves the transaction open, and a duplicate key is a timeout.
#
# `synchronized` runs the code in a transaction that is committed, or rolled back and, when the database could not serialize it, tried
# again. One expects whatever else goes wrong to be rolled back and thrown. But what is caught is `Exception`, and in PHP an error of the
# program (`TypeError`, `DivisionByZeroError`) is none: it is thrown with the transaction still open, and everybody who
# uses the connection afterwards is within it: the next `synchronized` fails, and what is written besides is lost when the process
# ends. And whatever the database says is taken for a conflict: a duplicate key is tried again and again for the whole
# timeout, and then thrown as a timeout that does not name it.
#
# Seen with PHP 8.2 and SQLite:
#
#     the code divides by zero: DivisionByZeroError; the transaction is open; what was written is read
#     the next one: LockAcquireException: Could not begin transaction.
#     a duplicate key: tried more than 5 times: TimeoutException: Timeout of 1 seconds exceeded. because of nothing
#
# Succeeds while this is so. Needs Debian 12. What to do instead: catch `Throwable` within the code and throw it as an exception.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq php8.2-cli php8.2-common libargon2-1 libsodium23 php-malkusch-lock=2.2.1+ds-1 php-psr-log php8.2-sqlite3 \
  2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export LD_LIBRARY_PATH=$folder/packages/usr/lib/x86_64-linux-gnu
php() { packages/usr/bin/php8.2 -n -d include_path="$folder/packages/usr/share/php" "$@"; }
cat > try.php << 'PHP'
<?php
require "Malkusch/Lock/autoload.php";
use malkusch\lock\mutex\TransactionalMutex;

$pdo = new PDO('sqlite:data', options: [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$pdo->exec('create table job (id integer primary key)');
$mutex = new TransactionalMutex($pdo, 1);
$attempt = function ($code) use ($mutex) {
    try {
        $mutex->synchronized($code);
        return 'fine';
    } catch (Throwable $thrown) {
        return $thrown;
    }
};
$name = fn ($thrown) => (new ReflectionClass($thrown))->getShortName();

$thrown = $attempt(function () use ($pdo) {
    $pdo->exec('insert into job values (1)');
    intdiv(1, 0);
});
$state = $pdo->inTransaction() ? 'open' : 'closed';
$read = $pdo->query('select id from job')->fetchColumn() ? 'read' : 'not read';
echo "the code divides by zero: {$name($thrown)}; the transaction is $state; what was written is $read\n";
$thrown = $attempt(fn () => $pdo->exec('insert into job values (2)'));
echo "the next one: {$name($thrown)}: {$thrown->getMessage()}\n";
$pdo->rollBack();

$pdo->exec('insert into job values (1)');
$times = 0;
$thrown = $attempt(function () use ($pdo, &$times) {
    $times++;
    $pdo->exec('insert into job values (1)');
});
$often = $times > 5 ? 'more than 5' : $times;
$cause = $thrown->getPrevious()?->getMessage() ?? 'nothing';
echo "a duplicate key: tried $often times: {$name($thrown)}: {$thrown->getMessage()} because of $cause\n";
PHP
expected="the code divides by zero: DivisionByZeroError; the transaction is open; what was written is read
the next one: LockAcquireException: Could not begin transaction.
a duplicate key: tried more than 5 times: TimeoutException: Timeout of 1 seconds exceeded. because of nothing"
extensions=$(echo "$folder"/packages/usr/lib/php/2*)
seen=$(php -d extension="$extensions/pdo.so" -d extension="$extensions/pdo_sqlite.so" try.php)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
