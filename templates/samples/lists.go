package samples

import "github.com/sallyport-id/sallyport/templates"

// The lists have the words of one page that differ in nothing but these. A test of
// package templates finds what is missing here.

func errorPages() []string {
	return []string{
		templates.ErrorRequest, templates.ErrorReturn, templates.ErrorClient, templates.ErrorTenant, templates.ErrorDenied,
		templates.ErrorNoMethod, templates.ErrorExpired, templates.ErrorDone, templates.ErrorBrowser, templates.ErrorForm,
		templates.ErrorRateLimited, templates.ErrorNotFound, templates.ErrorMethod, templates.ErrorTooLarge,
		templates.ErrorMaintenance, templates.ErrorServer,
	}
}

func questions() []string {
	return []string{
		templates.ChangeTurnOff2FA, templates.ChangeTurnOffEmail, templates.ChangeTurnOffSMS, templates.ChangeTurnOffVoice,
		templates.ChangeTurnOffTOTP, templates.ChangeTurnOffKeys, templates.ChangeTurnOffCodes, templates.ChangeTurnOffPIN,
		templates.ChangeRemoveEmail, templates.ChangeRemovePhone, templates.ChangeRemovePasskey, templates.ChangeRemoveKey,
		templates.ChangeRemoveDevice, templates.ChangeRemoveDevices, templates.ChangeEndSession, templates.ChangeEndSessions,
		templates.ChangeRemoveApp, templates.ChangeSwitchMethod, "other",
	}
}

func doneNews() []string {
	return []string{
		templates.DoneSaved, templates.DoneContactConfirmed, templates.DoneContactChanged, templates.DoneContactRemoved,
		templates.DoneFactorAdded, templates.DoneFactorRemoved, templates.DoneFactorChanged, templates.DoneMFAEnabled,
		templates.DoneMFADisabled, templates.DonePINChanged, templates.DoneCodesMade, templates.DoneCodesReplaced,
		templates.DonePasswordChanged,
		templates.DoneDeviceRemoved, templates.DoneDevicesRevoked, templates.DoneSessionEnded, templates.DoneSessionsEnded,
		templates.DoneAppRemoved, templates.DoneActionApproved, templates.DoneCancelled,
	}
}

func advices() []string {
	return []string{
		templates.AdviceSecondMethod, templates.AdviceSecondOther, templates.AdviceSecondKey, templates.AdviceCodes, templates.AdviceTurnOn, templates.AdviceStart,
	}
}

func accountProblems() []string {
	return []string{
		templates.ProblemTooShort, templates.ProblemTooLong, templates.ProblemCommon, templates.ProblemGuessable,
		templates.ProblemContext, templates.ProblemSameAsOld, templates.ProblemWrongOld, templates.ProblemNoNew,
		templates.ProblemNoName, templates.ProblemNameTooLong, templates.ProblemBadEmail, templates.ProblemTooOften,
	}
}
