-- +goose Up
-- The life of a factor: what is enrolled, what was given up, what is on its way.

alter table mfa_contacts add column expires_at datetime; -- of a pending one
alter table mfa_contacts add column replaced_by text not null default '';
alter table mfa_contacts add column sms_incapable boolean not null default false; -- a text message could not be delivered

-- Numbers that another account may not confirm yet, or never.
create table mfa_tombstones (
	tenant_id text not null,
	user_id text not null,
	value_bidx text not null,
	until datetime, -- null: for ever
	created_at datetime not null,
	primary key (tenant_id, value_bidx, user_id)
);

alter table mfa_factors add column secret_enc text not null default ''; -- seed or credential; sealed, so it cannot be changed either
alter table mfa_factors add column last_step bigint not null default 0; -- the latest time step that was accepted
alter table mfa_factors add column credential_id blob; -- of a key
alter table mfa_factors add column exclusive boolean not null default false; -- enrolled where a user has one method at a time
alter table mfa_factors add column expires_at datetime; -- of a pending one
alter table mfa_factors add column disabled_at datetime;
alter table mfa_factors add column enrolled_ip text not null default '';

create unique index mfa_factors_one on mfa_factors (tenant_id, user_id, kind)
	where status = 'active' and kind in ('totp', 'recovery_codes', 'pin');

create unique index mfa_factors_exclusive on mfa_factors (tenant_id, user_id)
	where status = 'active' and exclusive;

create unique index mfa_factors_credential on mfa_factors (tenant_id, credential_id)
	where status = 'active' and credential_id is not null;

create table mfa_recovery_codes (
	tenant_id text not null,
	user_id text not null,
	factor_id text not null,
	slot text not null,
	hash text not null, -- Argon2id over a keyed hash
	used_at datetime,
	primary key (tenant_id, factor_id, slot)
);

create table mfa_pins (
	tenant_id text not null,
	user_id text not null,
	hash text not null, -- Argon2id over a keyed hash
	fails integer not null,
	total_fails integer not null,
	blocked_until datetime,
	changed_at datetime not null,
	primary key (tenant_id, user_id)
);

-- What a key has to sign, and what it answered; empty for other methods.
alter table mfa_challenges add column ceremony text not null default '';
alter table mfa_challenges add column answer text not null default '';

create table mfa_operations (
	tenant_id text not null,
	user_id text not null,
	id text not null,
	binding blob not null,
	kind text not null, -- '' for the switch of two-step sign-in
	verb text not null check (verb in ('enable', 'disable', 'change', 'remove', 'switch_on', 'switch_off')),
	status text not null check (status in ('open', 'done', 'cancelled')),
	state text not null, -- target and proofs, as JSON; ids and times, no secrets
	policy_version integer not null,
	created_at datetime not null,
	expires_at datetime not null,
	primary key (tenant_id, id)
);

create index mfa_operations_age on mfa_operations (expires_at);

create table mfa_handles (
	tenant_id text not null,
	user_id text not null,
	handle blob not null, -- random; how keys know the user
	primary key (tenant_id, user_id)
);

create unique index mfa_handles_handle on mfa_handles (tenant_id, handle);

-- Events for the relying app, written in the transaction of the change.
create table signals (
	tenant_id text not null,
	id text not null,
	user_id text not null,
	event text not null,
	payload text not null,
	dedupe_key text not null,
	status text not null check (status in ('queued', 'sent', 'failed')),
	created_at datetime not null,
	primary key (tenant_id, id)
);

create unique index signals_dedupe on signals (tenant_id, dedupe_key);

-- When a second step was first asked for; the time to put it off begins there.
alter table users rename column banner_snoozed to enrol_asked_at;
