// Package threats_test proves the controls of the threat table, one test for
// each threat, named by its number: over HTTP, with real goroutines, on both
// databases.
package threats_test

import (
	"testing"

	"github.com/sallyport-id/sallyport/internal/e2e/harness"
)

// threats are in the order of the table. Those that need a factor which does not
// exist yet are completed with it.
var threats = []struct {
	name string
	test func(*testing.T, *harness.House)
}{
	{"T-01_same_code_twice_in_parallel", sameCodeTwice},
	{"T-02_attempt_limit_overrun_by_parallel_guesses", overrun},
	{"T-03_guessing_over_many_challenges_and_sessions", guessingEverywhere},
	{"T-04_guessing_from_many_addresses", guessingFromEverywhere},
	{"T-05_rollback_gives_attempts_back", rollback},
	{"T-06_resend_multiplies_guesses", resendMultiplies},
	{"T-07_old_code_after_resend", oldCode},
	{"T-08_code_past_its_life", codePastItsLife},
	{"T-09_code_of_an_app_replayed", appReplayed},
	{"T-10_set_up_code_at_login", setUpCode},
	{"T-11_window_of_an_app", appWindow},
	{"T-12_recovery_code_twice", codeTwice},
	{"T-13_two_recovery_codes_as_two_factors", codesAsTwo},
	{"T-14_one_hash_for_a_recovery_code", oneHash},
	{"T-15_challenge_of_somebody_else", foreignChallenge},
	{"T-16_attacker_burns_attempts", burntAttempts},
	{"T-17_device_cookie_of_another_or_edited", editedDevice},
	{"T-18_device_trust_survives_a_change", threeEpochs},
	{"T-19_device_trust_for_step_up", deviceForStepUp},
	{"T-20_sliding_trust", slidingTrust},
	{"T-21_stolen_device_cookie", stolenDevice},
	{"T-22_device_minted_without_second_step", deviceFromNothing},
	{"T-22_device_minted_by_a_recovery_code", deviceByCode},
	{"T-22_device_minted_before_the_second_step", trustBeforeTheEnd},
	{"T-23_policy_shortened", shortenedTrust},
	{"T-24_session_fixation", fixation},
	{"T-25_half_login_as_full", halfLogin},
	{"T-26_old_session_bypasses_prompt", oldSession},
	{"T-27_downgrade_by_method", downgrade},
	{"T-27_downgrade_where_the_amount_decides", downgradeByAmount},
	{"T-28_other_way_replayed_elsewhere", markElsewhere},
	{"T-29_forced_enrolment_skipped", enrolmentSkipped},
	{"T-30_stranger_enrols", strangerEnrols},
	{"T-30_stranger_puts_off", strangerPutsOff},
	{"T-31_methods_changed_by_a_weak_session", weakSession},
	{"T-32_number_changed_by_a_thief", phoneStolen},
	{"T-33_one_number_confirmed_by_many", numberRaced},
	{"T-34_strangers_ask_about_addresses", strangersAsk},
	{"T-35_texts_pumped", pumped},
	{"T-36_resend_double_click", doubleClick},
	{"T-37_gateway_down", gatewayDown},
	{"T-38_prompt_bombing", bombed},
	{"T-38_prompt_bombing_by_pushed_requests", bombedByPushes},
	{"T-38_action_disowned", disowned},
	{"T-39_codes_relayed", relayed},
	{"T-39_proof_of_a_transaction_relayed", relayedTransactions},
	{"T-40_details_changed_after_approval", changedAfterApproval},
	{"T-40_details_changed_on_the_page", changedOnThePage},
	{"T-40_any_byte_changed", anyByte},
	{"T-40_verifier_or_subject_changed", pinnedToAnother},
	{"T-41_approval_used_twice_or_late", usedTwiceOrLate},
	{"T-41_approval_used_by_one_key", usedByOneKey},
	{"T-42_stage_skipped", stageOrder},
	{"T-42_stage_of_a_transaction_skipped", stagesOfATransaction},
	{"T-43_PIN_guessed_through_a_live_code", pinGuessed},
	{"T-43_PIN_of_a_transaction_guessed", pinOfATransactionGuessed},
	{"T-44_text_into_a_message", textInMessage},
	{"T-45_cross_tenant", crossTenant},
	{"T-46_ciphertext_moved", movedCiphertext},
	{"T-46_secret_of_a_factor_moved", movedSecret},
	{"T-47_database_dump", dumped},
	{"T-48_codes_in_logs", loggedSecrets},
	{"T-50_notice_lost", lostNotice},
	{"T-54_requested_acr_lowered", loweredACR},
	{"T-55_refresh_after_step_up", refreshAfterStepUp},
	{"T-56_other_paths_skip_locks_or_steps", otherPaths},
	{"T-56_pushed_request_used_twice", requestOnce},
	{"T-57_key_forged_copied_or_relayed", keyForged},
	{"T-58_clock_moved", clockMoved},
	{"T-59_cookie_scope", cookieScope},
	{"T-60_clickjacking_and_forged_forms", forgedForms},
	{"T-61_legacy_number", legacyNumber},
	{"T-62_flag_raced", flagRaced},
	{"T-63_number_removed_by_a_side_door", numberKept},
	{"T-64_text_to_a_landline", textToLandline},
	{"T-66_surprises_of_YAML", surprisingYAML},
	{"T-67_exclusive_switch_raced", switchRaced},
	{"T-68_locked_out_by_a_stranger", lockedOut},
	{"T-69_number_of_somebody_else_by_now", revokedNumber},
	{"T-70_reset_bypasses_the_second_step", resetAndSecondStep},
	{"step_up_continues_as_another_user", anotherUserInAnotherTab},
	{"proof_of_one_interaction_in_another", proofElsewhere},
	{"password_changed_in_mid_login", passwordChangedInMidLogin},
	{"weaker_proof_for_a_second_stage", weakerProofForASecondStage},
	{"action_confirmed_in_silence", silentAction},
	{"password_action_past_its_time", passwordActionPastItsTime},
	{"password_of_another_user_for_a_stage", passwordOfAnother},
	{"fresh_login_by_a_code", staleByCode},
	{"address_taken_with_the_password", addressTaken},
	{"consent_of_the_one_before", consentOfTheOneBefore},
	{"closed_account_comes_back", closedAccountComesBack},
}

// TestThreats runs the threats one after another, because those of one house
// share its clock. Everything that the server logs meanwhile is kept, and must
// hold none of the codes that it sent.
func TestThreats(t *testing.T) {
	logged := keepLogs(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the servers logged:\n%s", logged)
		}
	})
	houses := harness.Both(t)
	for _, threat := range threats {
		t.Run(threat.name, func(t *testing.T) { harness.On(t, houses, threat.test) })
	}
	t.Run("T-48_no_code_in_the_log_of_the_whole_run", func(t *testing.T) {
		harness.On(t, houses, func(t *testing.T, h *harness.House) { noCodeIn(t, h, logged.String()) })
	})
}
