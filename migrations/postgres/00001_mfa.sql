-- +goose Up
-- Tables of the second factor (package mfa/gormstore) and of rate limits.
-- Every key begins with the tenant, so that no statement can reach across one.

create table mfa_contacts (
	tenant_id text not null,
	user_id text not null,
	id text not null,
	kind text not null check (kind in ('email', 'phone')),
	value_enc text not null, -- sealed; opens in this row only
	value_bidx text not null, -- keyed hash of the canonical value, to find it without reading it
	masked text not null,
	country text not null,
	line_type text not null,
	status text not null check (status in ('unverified', 'pending', 'confirmed', 'replaced', 'removed', 'revoked')),
	source text not null,
	registered boolean not null,
	enforce_unique boolean not null, -- copied from the policy at confirmation
	confirmed_at timestamptz,
	created_at timestamptz not null,
	primary key (tenant_id, id)
);

create index mfa_contacts_user on mfa_contacts (tenant_id, user_id);

create unique index mfa_contacts_registered on mfa_contacts (tenant_id, user_id)
	where registered;

create unique index mfa_contacts_phone on mfa_contacts (tenant_id, value_bidx)
	where kind = 'phone' and status = 'confirmed' and enforce_unique;

create table mfa_factors (
	tenant_id text not null,
	user_id text not null,
	id text not null,
	kind text not null,
	contact_id text not null, -- '' where the factor is no contact
	label text not null,
	status text not null check (status in ('pending', 'active', 'disabled')),
	created_at timestamptz not null,
	last_used_at timestamptz,
	primary key (tenant_id, id)
);

create index mfa_factors_user on mfa_factors (tenant_id, user_id);

create unique index mfa_factors_contact on mfa_factors (tenant_id, user_id, kind, contact_id)
	where status = 'active' and contact_id <> '';

create table mfa_guards (
	tenant_id text not null,
	user_id text not null,
	guard_key text not null,
	fails_run integer not null,
	window_start timestamptz,
	window_fails integer not null,
	delays integer not null,
	locked_until timestamptz,
	dead boolean not null,
	primary key (tenant_id, user_id, guard_key)
);

create table mfa_challenges (
	tenant_id text not null,
	user_id text not null,
	id text not null,
	chain_id text not null,
	gen integer not null,
	owner_id text not null,
	binding bytea not null,
	purpose text not null,
	action text not null,
	method text not null,
	factor_id text not null,
	contact_id text not null,
	masked text not null,
	guard_key text not null,
	details_hash text not null,
	code_mac bytea not null,
	pepper_id text not null,
	digits integer not null,
	status text not null check (status in ('created', 'sent', 'verified', 'used', 'locked', 'expired', 'superseded', 'failed', 'cancelled')),
	attempts integer not null,
	chain_attempts integer not null,
	max_attempts integer not null,
	sends integer not null,
	max_sends integer not null,
	ttl_ms bigint not null,
	resend_after_ms bigint not null,
	created_at timestamptz not null,
	sent_at timestamptz,
	resend_at timestamptz,
	expires_at timestamptz,
	verified_at timestamptz,
	policy_version integer not null,
	primary key (tenant_id, id)
);

create unique index mfa_challenges_chain on mfa_challenges (tenant_id, chain_id, gen);

-- An owner asks for one proof at a time: a page opened twice sends one code.
create unique index mfa_challenges_open on mfa_challenges (tenant_id, user_id, owner_id)
	where status in ('created', 'sent');

-- For the sweeper, which works for all tenants.
create index mfa_challenges_age on mfa_challenges (created_at);

create table mfa_deliveries (
	tenant_id text not null,
	user_id text not null,
	id text not null,
	challenge_id text not null,
	channel text not null,
	gateway text not null,
	reference text not null,
	status text not null check (status in ('sent', 'failed')),
	error text not null,
	at timestamptz not null,
	primary key (tenant_id, id)
);

create index mfa_deliveries_user on mfa_deliveries (tenant_id, user_id, at);

create index mfa_deliveries_age on mfa_deliveries (at);

create table mfa_devices (
	tenant_id text not null,
	user_id text not null,
	id text not null,
	selector bytea not null,
	verifier_hash bytea not null,
	prev_hash bytea not null, -- empty before the first rotation
	rotated_at timestamptz,
	policy_epoch bigint not null,
	mfa_epoch bigint not null,
	password_epoch bigint not null,
	minted_by text not null,
	label text not null,
	created_at timestamptz not null,
	expires_at timestamptz not null,
	last_used_at timestamptz,
	primary key (tenant_id, id)
);

create unique index mfa_devices_selector on mfa_devices (tenant_id, selector);

create index mfa_devices_user on mfa_devices (tenant_id, user_id, created_at);

create index mfa_devices_end on mfa_devices (expires_at);

-- Keys of buckets are opaque: whoever charges puts tenant and scope into them.
-- Times are microseconds since 1970.
create table buckets (
	k text not null primary key,
	tat bigint not null, -- when the limit is whole again
	burst bigint not null
);

create index buckets_tat on buckets (tat);
