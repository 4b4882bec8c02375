-- +goose Up
-- What messages cost, what became of them, and how many of their codes came back.

-- A check cannot be altered, so the table is made anew.
create table mfa_deliveries_new (
	tenant_id text not null,
	user_id text not null,
	id text not null,
	challenge_id text not null,
	channel text not null,
	gateway text not null,
	reference text not null,
	status text not null check (status in ('queued', 'sent', 'delivered', 'failed')),
	error text not null,
	at datetime not null,
	country text not null default '', -- ISO 3166-1 of a phone number
	prefix_key text not null default '', -- keyed hash of the number without its last four digits
	cost_micros bigint not null default 0, -- millionths of a US dollar
	priced boolean not null default false, -- by a receipt, not by the price list
	booked_at datetime, -- null where nothing was booked
	receipt_at datetime,
	verified_at datetime,
	primary key (tenant_id, id)
);

insert into mfa_deliveries_new (tenant_id, user_id, id, challenge_id, channel, gateway, reference, status, error, at)
	select tenant_id, user_id, id, challenge_id, channel, gateway, reference, status, error, at from mfa_deliveries;

drop table mfa_deliveries;

alter table mfa_deliveries_new rename to mfa_deliveries;

create index mfa_deliveries_user on mfa_deliveries (tenant_id, user_id, at);

create index mfa_deliveries_age on mfa_deliveries (at);

-- What a tenant has spent on telephony, by UTC day.
create table mfa_spend (
	tenant_id text not null,
	id text not null, -- the day, such as 2026-01-02
	micros bigint not null, -- booked, and put right by receipts
	told integer not null, -- the highest alert of the day, in percent
	at datetime not null,
	primary key (tenant_id, id)
);

create index mfa_spend_age on mfa_spend (at);

-- Codes sent and codes typed in, for a country or a range of numbers.
create table mfa_conversions (
	tenant_id text not null,
	id text not null, -- country/MX, or prefix/ and a keyed hash
	window_start datetime not null,
	sends integer not null,
	verified integer not null,
	blocked_until datetime,
	primary key (tenant_id, id)
);

create index mfa_conversions_age on mfa_conversions (window_start);
