#!/usr/bin/env bash
# activerecord 6.1.7 (Rails): a transaction that `Timeout.timeout` cuts short is committed, with what it had done until then.
#
# Money goes from one account to another within a transaction, and a limit of half a second is around it. One expects all or nothing,
# and that a `Timeout::Error`, like any other error, means nothing. But `Timeout.timeout` without a class of its own leaves the block by
# `throw`, not by an error, and to leave a transaction by `throw`, `break` or `return` counts as having come to its end: the caller has a
# `Timeout::Error`, the first update is saved, and the second one was never made. A line in the log says "deprecated".
# With the name of an error as its second argument, even of the one that is thrown anyway, the transaction is rolled back.
#
# Seen with Ruby 3.1 and SQLite (100 go from the first account to the second, with a pause between the two updates):
#
#     Timeout.timeout(0.5): Timeout::Error, the accounts are [0, 0]
#     Timeout.timeout(0.5, Timeout::Error): Timeout::Error, the accounts are [100, 0]
#     raise: RuntimeError, the accounts are [100, 0]
#
# Succeeds while this is so. Needs Debian 12. What to do instead: name the class, or put the limit within the transaction's statements
# (`lock_timeout`, `statement_timeout`). Rails 7.0 rolls back, and 7.1 lets one choose.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq ruby3.1 libruby3.1 ruby-rubygems ruby-activerecord=2:6.1.7.10+dfsg-1~deb12u4 ruby-activemodel ruby-activesupport \
  ruby-sqlite3 ruby-i18n ruby-tzinfo ruby-concurrent 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
libraries=$folder/packages/usr/lib/x86_64-linux-gnu
ruby=$folder/packages/usr/lib/ruby
export LD_LIBRARY_PATH=$libraries
RUBYLIB=$ruby/vendor_ruby:$ruby/3.1.0:$libraries/ruby/3.1.0:$libraries/ruby/vendor_ruby/3.1.0
RUBYLIB=$RUBYLIB:$(printf %s: "$folder"/packages/usr/share/rubygems-integration/*/gems/*/lib{,/concurrent-ruby})
export RUBYLIB
cat > try.rb << 'RUBY'
require "active_record"
require "timeout"

ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: "database")
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define { create_table(:accounts) { _1.integer :amount } }
class Account < ActiveRecord::Base; end
2.times { Account.create! }

def transfer
  Account.transaction do
    Account.find(1).update!(amount: 0)
    yield
    Account.find(2).update!(amount: 100)
  end
end

def seen(name)
  Account.find(1).update!(amount: 100)
  Account.find(2).update!(amount: 0)
  begin
    yield
  rescue => error
    puts "#{name}: #{error.class}, the accounts are #{Account.order(:id).pluck(:amount)}"
  end
end

seen("Timeout.timeout(0.5)") { Timeout.timeout(0.5) { transfer { sleep 2 } } }
seen("Timeout.timeout(0.5, Timeout::Error)") { Timeout.timeout(0.5, Timeout::Error) { transfer { sleep 2 } } }
seen("raise") { transfer { raise "no" } }
RUBY
expected="Timeout.timeout(0.5): Timeout::Error, the accounts are [0, 0]
Timeout.timeout(0.5, Timeout::Error): Timeout::Error, the accounts are [100, 0]
raise: RuntimeError, the accounts are [100, 0]"
seen=$(packages/usr/bin/ruby3.1 try.rb 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
