-- +goose Up
-- What messages cost, what became of them, and how many of their codes came back.

alter table mfa_deliveries drop constraint mfa_deliveries_status_check;
alter table mfa_deliveries add constraint mfa_deliveries_status_check
	check (status in ('queued', 'sent', 'delivered', 'failed'));
alter table mfa_deliveries add column country text not null default ''; -- ISO 3166-1 of a phone number
alter table mfa_deliveries add column prefix_key text not null default ''; -- keyed hash of the number without its last four digits
alter table mfa_deliveries add column cost_micros bigint not null default 0; -- millionths of a US dollar
alter table mfa_deliveries add column priced boolean not null default false; -- by a receipt, not by the price list
alter table mfa_deliveries add column booked_at timestamptz; -- null where nothing was booked
alter table mfa_deliveries add column receipt_at timestamptz;
alter table mfa_deliveries add column verified_at timestamptz;

-- What a tenant has spent on telephony, by UTC day.
create table mfa_spend (
	tenant_id text not null,
	id text not null, -- the day, such as 2026-01-02
	micros bigint not null, -- booked, and put right by receipts
	told integer not null, -- the highest alert of the day, in percent
	at timestamptz not null,
	primary key (tenant_id, id)
);

create index mfa_spend_age on mfa_spend (at);

-- Codes sent and codes typed in, for a country or a range of numbers.
create table mfa_conversions (
	tenant_id text not null,
	id text not null, -- country/MX, or prefix/ and a keyed hash
	window_start timestamptz not null,
	sends integer not null,
	verified integer not null,
	blocked_until timestamptz,
	primary key (tenant_id, id)
);

create index mfa_conversions_age on mfa_conversions (window_start);
