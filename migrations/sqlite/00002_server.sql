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
	created_at datetime not null,
	updated_at datetime not null,
	removed_at datetime
);

create unique index tenants_slug on tenants (slug);

create unique index tenants_host on tenants (host)
	where host <> '';

create unique index tenants_issuer on tenants (issuer);

-- A policy is never changed: a new version is a new row.
create table tenant_policies (
	tenant_id text not null references tenants (id),
	version integer not null,
	document text not null,
	hash text not null, -- of the effective document
	author text not null,
	reason text not null,
	warnings text not null,
	created_at datetime not null,
	primary key (tenant_id, version)
);

create table signing_keys (
	tenant_id text not null references tenants (id),
	id text not null, -- kid
	alg text not null,
	state text not null check (state in ('pending', 'active', 'retired', 'removed')),
	private_enc text not null, -- PKCS #8
	created_at datetime not null,
	changed_at datetime not null,
	primary key (tenant_id, id)
);

create table clients (
	tenant_id text not null references tenants (id),
	id text not null,
	metadata text not null,
	disabled boolean not null,
	created_at datetime not null,
	updated_at datetime not null,
	primary key (tenant_id, id)
);

create table users (
	tenant_id text not null references tenants (id),
	id text not null,
	username_enc text not null,
	username_bidx blob not null,
	password_hash text not null,
	status text not null check (status in ('active', 'disabled')),
	admin boolean not null,
	password_epoch bigint not null,
	mfa_epoch bigint not null,
	mfa_enabled boolean not null,
	flags text not null,
	hold_until datetime,
	profile_enc text not null,
	banner_snoozed datetime,
	created_at datetime not null,
	updated_at datetime not null,
	primary key (tenant_id, id)
);

create unique index users_username on users (tenant_id, username_bidx);

create table sessions (
	tenant_id text not null,
	id text not null,
	user_id text not null,
	token_hash blob not null,
	events text not null,
	password_epoch bigint not null,
	mfa_epoch bigint not null,
	created_at datetime not null,
	last_seen datetime not null,
	expires_at datetime not null,
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
	browser_hash blob not null,
	content_enc text not null, -- the request, and what was done in it
	session_id text not null,
	created_at datetime not null,
	expires_at datetime not null,
	finished_at datetime,
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
	created_at datetime not null,
	updated_at datetime not null,
	expires_at datetime not null,
	approved_at datetime,
	consume_before datetime,
	consumed_at datetime,
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
	created_at datetime not null,
	updated_at datetime not null,
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
	code_hash blob,
	code_expires_at datetime,
	code_consumed_at datetime,
	scopes text not null, -- separated by spaces
	audience text not null, -- separated by spaces
	claims_enc text not null, -- '' without
	id_claims_enc text not null, -- '' without
	acr text not null,
	amr text not null, -- separated by spaces
	auth_time datetime,
	sid text not null,
	action text not null,
	confirmation_id text not null,
	details_enc text not null, -- '' without
	details_hash text not null,
	rt_gen integer not null,
	rt_salt blob,
	rt_rotated_at datetime,
	rt_expires_at datetime,
	grant_expires_at datetime not null,
	created_at datetime not null,
	revoked_at datetime,
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
	at datetime not null,
	actor_type text not null,
	actor_id text not null,
	subject text not null,
	type text not null,
	result text not null,
	ip text not null,
	user_agent text not null,
	request_id text not null,
	client_id text not null,
	data text not null,
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
	next_try_at datetime not null,
	dedupe_key text not null,
	created_at datetime not null,
	primary key (tenant_id, id)
);

create unique index notifications_dedupe on notifications (tenant_id, dedupe_key);

create index notifications_due on notifications (next_try_at)
	where status = 'queued';

-- Which keys of the key ring the database was written with, by name. Not the keys.
create table keyring (
	name text not null primary key,
	fingerprint text not null,
	created_at datetime not null
);

-- The log of what happened and the policies that were in force only ever grow.

-- +goose StatementBegin
create trigger audit_events_no_update before update on audit_events
begin
	select raise(abort, 'audit_events is append-only');
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger audit_events_no_delete before delete on audit_events
begin
	select raise(abort, 'audit_events is append-only');
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger tenant_policies_no_update before update on tenant_policies
begin
	select raise(abort, 'tenant_policies is append-only');
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger tenant_policies_no_delete before delete on tenant_policies
begin
	select raise(abort, 'tenant_policies is append-only');
end;
-- +goose StatementEnd
