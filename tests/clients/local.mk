# SPDX-License-Identifier: MIT
# Unmodified clients of real servers, in greenlets with the library preloaded; then, as it is natively, in
# threads without.
EXTRA_DIST += \
	tests/clients/client_dns.py \
	tests/clients/client_hiredis.py \
	tests/clients/client_ldap.py \
	tests/clients/client_mysqlclient.py \
	tests/clients/client_psycopg2.py \
	tests/clients/client_pycurl.py \
	tests/clients/client_redis.py \
	tests/clients/client_zmq.py \
	tests/clients/conftest.py \
	tests/clients/peer_dns.py \
	tests/clients/peer_http.py \
	tests/clients/peer_late.py \
	tests/clients/peer_ldap.py \
	tests/clients/peer_zmq.py \
	tests/clients/record.py \
	tests/clients/report.py \
	tests/clients/run \
	tests/clients/server_redis.py \
	tests/clients/servers.py \
	tests/clients/table.py \
	tests/clients/test_hiredis.py \
	tests/clients/test_ldap.py \
	tests/clients/test_mysqlclient.py \
	tests/clients/test_names.py \
	tests/clients/test_psycopg2.py \
	tests/clients/test_pycurl.py \
	tests/clients/test_sqlite3.py \
	tests/clients/test_table.py \
	tests/clients/test_together.py \
	tests/clients/test_zmq.py

# CLIENTS_FLAGS: pytest's
check-clients: all
	@status=0; \
	PYTHON=$(PYTHON) $(srcdir)/tests/clients/run --threads $(CLIENTS_FLAGS) || status=$$?; \
	PYTHON=$(PYTHON) $(srcdir)/tests/clients/run $(CLIENTS_FLAGS) || status=$$?; \
	exit $$status
.PHONY: check-clients
