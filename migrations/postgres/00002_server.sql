-- +goose Up
-- Tables of the server (package store). What identifies a person is sealed
-- (columns that end in _enc open in their own row only) or found by a keyed hash
-- (_bidx), so that a copy of the database tells no name, address or number.
-- Every key begins with the tenant, except where the whole server shares one.

create table tenants (
	id text not null primary key,
	slug text not null,
	host text not null, -- '' in path mode
	issuer text not null, -- never given to another tenant, not even after removal
	name text not null,
	brand text not null,
	logo_url text not null,
	locale text not null,
	time_zone text not null,
	help_url text not null,
	privacy text not null,
	status text not null check (status in ('active', 'suspended')),
	preset text not null,
	policy_version integer not null, -- 0 before the first policy
	policy_epoch bigint not null,
	version bigint not null, -- grows with every change of the tenant, its clients, keys or policy
	created_at timestamptz not null,
	updated_at timestamptz not null,
	removed_at timestamptz
);

create unique index tenants_slug on tenants (slug);

create unique index tenants_host on tenants (host)
	where host <> '';

create unique index tenants_issuer on tenants (issuer);

-- A policy is never changed: a new version is a new row.
create table tenant_policies (
	tenant_id text not null references tenants (id),
	version integer not null,
	document jsonb not null,
	hash text not null, -- of the effective document
	author text not null,
	reason text not null,
	warnings jsonb not null,
	created_at timestamptz not null,
	primary key (tenant_id, version)
);

create table signing_keys (
	tenant_id text not null references tenants (id),
	id text not null, -- kid
	alg text not null,
	state text not null check (state in ('pending', 'active', 'retired', 'removed')),
	private_enc text not null, -- PKCS #8
	created_at timestamptz not null,
	changed_at timestamptz not null,
	primary key (tenant_id, id)
);

create table clients (
	tenant_id text not null references tenants (id),
	id text not null,
	metadata jsonb not null,
	disabled boolean not null,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	primary key (tenant_id, id)
);

create table users (
	tenant_id text not null references tenants (id),
	id text not null,
	username_enc text not null,
	username_bidx bytea not null,
	password_hash text not null,
	status text not null check (status in ('active', 'disabled')),
	admin boolean not null,
	password_epoch bigint not null,
	mfa_epoch bigint not null,
	mfa_enabled boolean not null,
	flags jsonb not null,
	hold_until timestamptz,
	profile_enc text not null,
	banner_snoozed timestamptz,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	primary key (tenant_id, id)
);

create unique index users_username on users (tenant_id, username_bidx);

create table sessions (
	tenant_id text not null,
	id text not null,
	user_id text not null,
	token_hash bytea not null,
	events jsonb not null,
	password_epoch bigint not null,
	mfa_epoch bigint not null,
	created_at timestamptz not null,
	last_seen timestamptz not null,
	expires_at timestamptz not null,
	idle_ms bigint not null,
	persistent boolean not null,
	ip text not null,
	user_agent text not null,
	primary key (tenant_id, id)
);

create unique index sessions_token on sessions (tenant_id, token_hash);

create index sessions_user on sessions (tenant_id, user_id);

create index sessions_expiry on sessions (expires_at);

create table interactions (
	tenant_id text not null,
	id text not null,
	browser_hash bytea not null,
	content_enc text not null, -- the request, and what was done in it
	session_id text not null,
	created_at timestamptz not null,
	expires_at timestamptz not null,
	finished_at timestamptz,
	primary key (tenant_id, id)
);

create index interactions_expiry on interactions (expires_at);

create table confirmations (
	tenant_id text not null,
	id text not null,
	user_id text not null,
	client_id text not null,
	interaction_id text not null,
	action text not null,
	txn_id text not null, -- the app's own id of the transaction, '' without details
	details_enc text not null, -- '' without details
	details_hash text not null,
	status text not null check (status in ('requested', 'challenged', 'approved', 'consumed', 'denied', 'expired', 'failed', 'cancelled')),
	stage_index integer not null,
	policy_version integer not null,
	acr text not null,
	amr text not null,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	expires_at timestamptz not null,
	approved_at timestamptz,
	consume_before timestamptz,
	consumed_at timestamptz,
	primary key (tenant_id, id)
);

create unique index confirmations_txn on confirmations (tenant_id, client_id, action, txn_id)
	where txn_id <> '';

create index confirmations_expiry on confirmations (expires_at);

create table agreements (
	tenant_id text not null,
	user_id text not null,
	client_id text not null,
	scopes text not null, -- separated by spaces
	created_at timestamptz not null,
	updated_at timestamptz not null,
	primary key (tenant_id, user_id, client_id)
);

create table grants (
	tenant_id text not null,
	id text not null,
	client_id text not null,
	user_id text not null,
	session_id text not null, -- '' once the session is gone
	interaction_id text not null,
	redirect_uri text not null,
	nonce text not null,
	code_challenge text not null,
	code_challenge_method text not null,
	code_hash bytea,
	code_expires_at timestamptz,
	code_consumed_at timestamptz,
	scopes text not null, -- separated by spaces
	audience text not null, -- separated by spaces
	claims_enc text not null, -- '' without
	id_claims_enc text not null, -- '' without
	acr text not null,
	amr text not null, -- separated by spaces
	auth_time timestamptz,
	sid text not null,
	action text not null,
	confirmation_id text not null,
	details_enc text not null, -- '' without
	details_hash text not null,
	rt_gen integer not null,
	rt_salt bytea,
	rt_rotated_at timestamptz,
	rt_expires_at timestamptz,
	grant_expires_at timestamptz not null,
	created_at timestamptz not null,
	revoked_at timestamptz,
	revoke_reason text not null,
	primary key (tenant_id, id)
);

create unique index grants_code on grants (tenant_id, code_hash)
	where code_hash is not null;

create index grants_session on grants (tenant_id, session_id)
	where session_id <> '';

create index grants_expiry on grants (grant_expires_at);

-- Codes that nobody came for.
create index grants_unredeemed on grants (code_expires_at)
	where code_consumed_at is null;

create table audit_events (
	tenant_id text not null,
	id text not null,
	at timestamptz not null,
	actor_type text not null,
	actor_id text not null,
	subject text not null,
	type text not null,
	result text not null,
	ip text not null,
	user_agent text not null,
	request_id text not null,
	client_id text not null,
	data jsonb not null,
	primary key (tenant_id, id)
);

create index audit_events_time on audit_events (tenant_id, at, id);

-- Messages to be sent, written in the transaction of the change they tell of.
create table notifications (
	tenant_id text not null,
	id text not null,
	user_id text not null,
	template text not null,
	params_enc text not null,
	status text not null check (status in ('queued', 'sent', 'failed')),
	tries integer not null,
	next_try_at timestamptz not null,
	dedupe_key text not null,
	created_at timestamptz not null,
	primary key (tenant_id, id)
);

create unique index notifications_dedupe on notifications (tenant_id, dedupe_key);

create index notifications_due on notifications (next_try_at)
	where status = 'queued';

-- Which keys of the key ring the database was written with, by name. Not the keys.
create table keyring (
	name text not null primary key,
	fingerprint text not null,
	created_at timestamptz not null
);

-- The log of what happened and the policies that were in force only ever grow.

-- +goose StatementBegin
create function refuse_change() returns trigger language plpgsql as $$
begin
	raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end
$$;
-- +goose StatementEnd

create trigger audit_events_append_only before update or delete or truncate on audit_events
	for each statement execute function refuse_change();

create trigger tenant_policies_append_only before update or delete or truncate on tenant_policies
	for each statement execute function refuse_change();
